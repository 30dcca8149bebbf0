"""The value is kept on the object itself, and goes with it.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import functools
import time


class Report:
    def __init__(self, number):
        self.number = number
        self.pages = [number] * 40

    @functools.cached_property
    def total(self):
        return sum(self.pages)


def step():
    report = Report(step.number)
    step.number += 1
    for _ in range(3):
        report.total


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
