"""The deque has a maxlen.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time
from collections import deque


class Meter:
    def __init__(self):
        self.samples = deque(maxlen=100)

    def measure(self):
        self.samples.append((time.time(), len(self.samples)))
        return self.samples[-1]


def main():
    meter = Meter()
    print("READY", flush=True)
    while True:
        meter.measure()
        time.sleep(0.003)


if __name__ == "__main__":
    main()
