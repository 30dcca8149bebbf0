"""Latencies are kept in an array of doubles: no objects, eight bytes each.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: array
holder: latencies
site: LEAK
remedy: bound|remove-entry|del
"""

import time
from array import array


class Histogram:
    def __init__(self):
        self.latencies = array("d")
        self.at = 0

    def note(self, value):
        self.latencies.append(value)  # MARK: LEAK


HISTOGRAM = Histogram()


def step():
    for value in range(50):
        HISTOGRAM.note(value * 0.5)


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
