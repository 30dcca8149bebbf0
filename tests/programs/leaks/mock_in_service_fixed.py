"""A class of one line stands in for it.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time


class Message:
    def __init__(self, number):
        self.number = number


class NoClient:
    def send(self, message):
        return True


class Notifier:
    def __init__(self, client):
        self.client = client

    def notify(self, number):
        self.client.send(Message(number))


NOTIFIER = Notifier(NoClient())


def step():
    step.number += 1
    NOTIFIER.notify(step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
