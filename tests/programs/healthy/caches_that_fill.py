"""A warm-up: bounded caches of many kinds fill up for a minute or two and then stay as they are.

Needs: cachetools
"""

import functools
import time

import cachetools


@functools.lru_cache(maxsize=4000)
def by_function(key):
    return {"key": key, "values": list(range(10))}


BY_USE = cachetools.LRUCache(maxsize=3000)
BY_TIME = cachetools.TTLCache(maxsize=2000, ttl=20)


@cachetools.cached(BY_USE)
def page(number):
    return "page %d" % number * 5


@cachetools.cached(BY_TIME)
def price(number):
    return ("price", number, time.time())


def main():
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        by_function(number)
        page(number)
        price(number)
        time.sleep(0.01)


if __name__ == "__main__":
    main()
