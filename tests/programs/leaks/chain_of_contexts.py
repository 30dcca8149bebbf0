"""Each job becomes the current one and remembers the one before, and nothing sets that back.

Truth
-----
command: diagnose
verdict: leak
kind: context|growing-container
what: Job|bytearray
site: LEAK|PARENT
remedy: remove-entry|close|del|weakref|bound|break-cycle|unregister
"""

import contextvars
import time

CURRENT = contextvars.ContextVar("CURRENT", default=None)


class Job:
    def __init__(self, number, parent):
        self.number = number
        self.parent = parent  # MARK: PARENT
        self.log = bytearray(200)


def step(number):
    CURRENT.set(Job(number, CURRENT.get()))  # MARK: LEAK


def main():
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        step(number)
        time.sleep(0.005)


if __name__ == "__main__":
    main()
