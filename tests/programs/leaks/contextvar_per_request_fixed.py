"""One ContextVar, made once and set anew.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import contextvars
import time

trace = contextvars.ContextVar("trace")


class Trace:
    def __init__(self, number):
        self.number = number
        self.spans = [number]


def step():
    step.number += 1
    trace.set(Trace(step.number))


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
