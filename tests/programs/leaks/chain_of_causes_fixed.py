"""The cause is what happened now, not what happened before.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time


class DeliveryError(Exception):
    pass


class Courier:
    def __init__(self):
        self.last_error = None

    def deliver(self, number):
        raise DeliveryError("parcel %d" % number)

    def attempt(self, number):
        try:
            self.deliver(number)
        except DeliveryError as error:
            self.last_error = error


courier = Courier()


def step():
    step.number += 1
    courier.attempt(step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
