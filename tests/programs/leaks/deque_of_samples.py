"""Samples go into a deque that was made without maxlen.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: tuple|float
holder: samples
site: LEAK
remedy: bound|remove-entry
"""

import time
from collections import deque


class Meter:
    def __init__(self):
        self.samples = deque()

    def measure(self):
        self.samples.append((time.time(), len(self.samples)))  # MARK: LEAK
        return self.samples[-1]


def main():
    meter = Meter()
    print("READY", flush=True)
    while True:
        meter.measure()
        time.sleep(0.003)


if __name__ == "__main__":
    main()
