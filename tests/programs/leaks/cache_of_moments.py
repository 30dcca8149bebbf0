"""functools.cache on a function whose argument is a moment: it is never asked twice.

Truth
-----
command: diagnose
verdict: leak
kind: unbounded-cache
what: datetime|tuple|str|Quote|_lru_list_elem
holder: quote
site: LEAK
remedy: bound|remove-entry
pythons: 3.9-3.15
"""

import datetime
import functools
import time


class Quote:
    def __init__(self, moment):
        self.moment = moment
        self.price = 100.0 + moment.microsecond / 1e6


@functools.cache  # MARK: LEAK
def quote(moment):  # MARK: LEAK
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
