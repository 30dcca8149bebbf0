"""A cache with its size in an attribute.

The bound is what the instance holds, not what a line says.

Truth
-----
command: diagnose
verdict: not_a_leak
kind: filling-cache
holder: entries
"""

import pace


class Cache:
    def __init__(self, size):
        self.size = size
        self.entries = {}

    def put(self, key, value):
        while len(self.entries) >= self.size:
            self.entries.pop(next(iter(self.entries)))
        self.entries[key] = value


class Page:
    pass


PAGES = Cache(30000)


def step():
    step.number += 1
    PAGES.put(step.number, Page())


step.number = 0
pace.loop(step)
