"""An LRU cache by hand that drops the oldest name from its order, but not the value.

Truth
-----
command: diagnose
verdict: leak
kind: unbounded-cache|growing-container
what: Image|bytes|dict|str
holder: values
site: LEAK
remedy: bound|remove-entry
"""

import time
from collections import OrderedDict


class Image:
    def __init__(self, name):
        self.name = name
        self.pixels = bytes(500)


class Cache:
    def __init__(self, size):
        self.size = size
        self.order = OrderedDict()
        self.values = {}

    def get(self, name):
        if name not in self.values:
            self.values[name] = Image(name)  # MARK: LEAK
        self.order[name] = True
        self.order.move_to_end(name)
        if len(self.order) > self.size:
            self.order.popitem(last=False)
        return self.values[name]


cache = Cache(50)


def step():
    step.number += 1
    cache.get("image %d" % step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
