"""A ContextVar made for each request and set in the one context of the program, which keeps both for good.

Truth
-----
command: diagnose
verdict: leak
kind: context
what: ContextVar|Context|Trace|hamt.*|Token|dict
holder: .*(context|Context|hamt).*
site: LEAK|MADE
remedy: hoist|remove-entry|del
"""

import contextvars
import time


class Trace:
    def __init__(self, number):
        self.number = number
        self.spans = [number]


def step():
    step.number += 1
    trace = contextvars.ContextVar("trace-%d" % step.number)  # MARK: MADE
    trace.set(Trace(step.number))  # MARK: LEAK


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
