"""Each failure is raised from the one before: the last error holds them all.

Truth
-----
command: diagnose
verdict: leak
kind: pinned-frame|growing-container
what: DeliveryError|traceback|frame|bytes|bytearray
holder: last_error|__cause__|__context__|.*DeliveryError.*
site: LEAK|CHAIN
remedy: clear-traceback|remove-entry|bound|del|break-cycle
"""

import time


class DeliveryError(Exception):
    pass


class Courier:
    def __init__(self):
        self.last_error = None

    def deliver(self, number):
        raise DeliveryError("parcel %d" % number) from self.last_error  # MARK: CHAIN

    def attempt(self, number):
        try:
            self.deliver(number)
        except DeliveryError as error:
            self.last_error = error  # MARK: LEAK


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
