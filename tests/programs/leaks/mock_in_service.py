"""A Mock stands in for a client in a program that runs for long: it remembers every call.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: _Call|tuple|_CallList|Message|dict
holder: .*(mock|Mock|calls|_CallList).*
site: LEAK|_increment_mock_call@mock.py
remedy: remove-entry|bound|hoist|del
"""

import time
from unittest import mock


class Message:
    def __init__(self, number):
        self.number = number


class Notifier:
    def __init__(self, client):
        self.client = client

    def notify(self, number):
        self.client.send(Message(number))  # MARK: LEAK


NOTIFIER = Notifier(mock.Mock())


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
