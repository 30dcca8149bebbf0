"""The moment is rounded to what matters, and the cache has a bound.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import datetime
import functools
import time


class Quote:
    def __init__(self, moment):
        self.moment = moment
        self.price = 100.0 + moment.microsecond / 1e6


@functools.lru_cache(maxsize=64)
def quote(moment):
    return Quote(moment)


def step():
    quote(datetime.datetime.now())


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
