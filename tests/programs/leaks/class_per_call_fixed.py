"""The class is defined once.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def length(self):
        return (self.x**2 + self.y**2) ** 0.5


def measure(x, y):
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
