"""There is one attribute, of the request that runs.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time


class Bag:
    pass


class Timing:
    def __init__(self):
        self.start = time.time()
        self.end = None


TIMINGS = Bag()


def step():
    step.number += 1
    name = "request"
    setattr(TIMINGS, name, Timing())
    getattr(TIMINGS, name).end = time.time()


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
