"""The token sets it back.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import contextvars
import time

CURRENT = contextvars.ContextVar("CURRENT", default=None)


class Job:
    def __init__(self, number, parent):
        self.number = number
        self.parent = parent
        self.log = bytearray(200)


def step(number):
    token = CURRENT.set(Job(number, CURRENT.get()))
    CURRENT.reset(token)


def main():
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        step(number)
        time.sleep(0.005)


if __name__ == "__main__":
    main()
