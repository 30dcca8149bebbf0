"""A weak reference shows that the object is not gone after `del`: a table of open resources holds it.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container|unbounded-cache
what: Resource|bytearray|dict
holder: OPEN
line: LEAK
remedy: remove-entry|weakref|bound
"""
import itertools
import os
import time
import weakref

OPEN = {}
STILL_THERE = 0
numbers = itertools.count()


class Resource:
    def __init__(self, name):
        self.name = name
        self.data = bytearray(1000)


def step():
    global STILL_THERE
    resource = Resource(next(numbers))
    OPEN[resource.name] = resource  # MARK: LEAK
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
