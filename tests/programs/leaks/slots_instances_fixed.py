"""A class of slots that counts its instances.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time


class Point:
    __slots__ = ("x", "y", "__weakref__")
    made = 0

    def __init__(self, x, y):
        self.x = x
        self.y = y
        Point.made += 1


def step():
    Point(1, 2)


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.003)


if __name__ == "__main__":
    main()
