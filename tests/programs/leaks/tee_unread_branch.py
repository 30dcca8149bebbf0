"""itertools.tee for a look at the first record, and the other branch is never read: it holds all that passed.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container|pinned-frame|unfinished-task|unbounded-cache
what: Record|_tee_dataobject|_tee|dict
holder: .*(backup|_tee|tee).*
site: LEAK
remedy: del|stream|close|bound|remove-entry|hoist
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
        self.records, self.backup = itertools.tee(source)  # MARK: LEAK

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
