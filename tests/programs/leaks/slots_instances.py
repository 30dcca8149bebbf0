"""A class of slots that lists its own instances.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: Point
holder: Point.instances|instances
site: LEAK
remedy: remove-entry|bound|weakref|del
"""

import time


class Point:
    __slots__ = ("x", "y", "__weakref__")
    instances = []

    def __init__(self, x, y):
        self.x = x
        self.y = y
        Point.instances.append(self)  # MARK: LEAK


def step():
    Point(1, 2)


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.003)


if __name__ == "__main__":
    main()
