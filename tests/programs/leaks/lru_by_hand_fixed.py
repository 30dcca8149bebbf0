"""It drops both.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
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
            self.values[name] = Image(name)
        self.order[name] = True
        self.order.move_to_end(name)
        if len(self.order) > self.size:
            oldest, _ = self.order.popitem(last=False)
            del self.values[oldest]
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
