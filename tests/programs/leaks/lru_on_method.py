"""lru_cache without a bound on a method: every object that was ever asked stays, as the cache's key.

Truth
-----
command: diagnose
verdict: leak
kind: unbounded-cache
what: Report|list|bytes
holder: total|Report
site: LEAK
remedy: bound|remove-entry|hoist
"""

import functools
import time


class Report:
    def __init__(self, number):
        self.number = number
        self.pages = [number] * 40

    @functools.lru_cache(maxsize=None)  # MARK: LEAK
    def total(self):  # MARK: LEAK
        return sum(self.pages)


def step():
    report = Report(step.number)
    step.number += 1
    for _ in range(3):
        report.total()


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
