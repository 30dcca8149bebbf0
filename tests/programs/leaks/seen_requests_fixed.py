"""What is older than the last hundred is forgotten.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
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
        self.seen.add(key)
        self.last.append(key)
        if len(self.last) > 100:
            self.seen.discard(self.last.popleft())
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
