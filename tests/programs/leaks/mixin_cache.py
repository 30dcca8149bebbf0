"""A mix-in gives services a cache; one service is asked for something new each time.

Truth
-----
command: diagnose
verdict: leak
kind: unbounded-cache|growing-container
what: Price|str|dict
holder: _cache
site: LEAK
remedy: bound|remove-entry
"""

import time


class Cached:
    LIMIT = 100

    def __init__(self):
        self._cache = {}

    def cached(self, key, make):
        try:
            return self._cache[key]
        except KeyError:
            value = self._cache[key] = make(key)  # MARK: LEAK
            return value


class Price:
    def __init__(self, key):
        self.key = key


class Prices(Cached):
    def price(self, item):
        return self.cached("price of %s" % item, Price)


class Names(Cached):
    def name(self, item):
        return self.cached(item, str)


PRICES = Prices()
NAMES = Names()


def step():
    step.number += 1
    PRICES.price(step.number)
    NAMES.name(step.number % 10)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
