"""A Counter by path, and the paths have numbers in them.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container|unbounded-cache
what: str|int|Counter
holder: HITS
site: LEAK
remedy: bound|remove-entry|hoist
"""

import collections
import time

HITS = collections.Counter()


def hit(path):
    HITS.update([path])  # MARK: LEAK


def step():
    step.number += 1
    hit("/items/%d" % step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.004)


if __name__ == "__main__":
    main()
