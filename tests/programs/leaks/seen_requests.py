"""A set of what was seen, to drop what comes twice; each request has a number of its own.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container|unbounded-cache
what: tuple|str|int
holder: seen
site: LEAK
remedy: bound|remove-entry
"""

import collections
import time


class Filter:
    def __init__(self):
        self.seen = set()
        self.last = collections.deque()

    def is_new(self, host, number):
        key = (host, number)
        if key in self.seen:
            return False
        self.seen.add(key)  # MARK: LEAK
        return True


FILTER = Filter()


def step():
    step.number += 1
    FILTER.is_new("10.0.0.%d" % (step.number % 9), step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.003)


if __name__ == "__main__":
    main()
