"""The table holds its resources weakly: after `del` the check finds nothing.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""
import itertools
import os
import time
import weakref

OPEN = weakref.WeakValueDictionary()
STILL_THERE = 0
numbers = itertools.count()


class Resource:
    def __init__(self, name):
        self.name = name
        self.data = bytearray(1000)


def step():
    global STILL_THERE
    resource = Resource(next(numbers))
    OPEN[resource.name] = resource
    check = weakref.ref(resource)
    del resource
    STILL_THERE += check() is not None


def main():
    print("READY", os.getpid(), flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
