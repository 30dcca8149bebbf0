"""The array is a ring.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time
from array import array


class Histogram:
    def __init__(self):
        self.latencies = array("d")
        self.at = 0

    def note(self, value):
        if len(self.latencies) == 1000:
            self.at = (self.at + 1) % 1000
            self.latencies[self.at] = value
            return
        self.latencies.append(value)


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
