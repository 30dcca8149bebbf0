"""A class defined inside a function that is called all the time: each is a knot of cycles.

Truth
-----
command: diagnose
verdict: garbage
kind: class-churn|reference-cycle
what: type|Point|dict|tuple|function|getset_descriptor
site: LEAK
remedy: hoist
"""

import time


def measure(x, y):
    class Point:  # MARK: LEAK
        def __init__(self, x, y):
            self.x, self.y = x, y

        def length(self):
            return (self.x**2 + self.y**2) ** 0.5

    return Point(x, y).length()


def step():
    step.number += 1
    measure(step.number, 1)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
