"""The mix-in's cache has a bound.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
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
            while len(self._cache) >= self.LIMIT:
                self._cache.pop(next(iter(self._cache)))
            value = self._cache[key] = make(key)
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
