"""The Counter is by route.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import collections
import time

HITS = collections.Counter()


def hit(path):
    HITS.update([path.rpartition("/")[0]])


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
