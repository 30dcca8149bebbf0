"""The first record is looked at and put back in front.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import itertools
import time


class Record:
    def __init__(self, number):
        self.number = number
        self.fields = ("a", "b", number)


class Feed:
    def __init__(self):
        source = (Record(number) for number in itertools.count())
        first = next(source)
        self.records = itertools.chain([first], source)

    def take(self):
        return next(self.records)


feed = Feed()


def step():
    feed.take()


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
