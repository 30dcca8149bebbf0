"""A bag of attributes that gets one more with each request.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: Timing|str|dict
holder: .*TIMINGS.*
site: LEAK
remedy: remove-entry|bound|del
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
    name = "request_%d" % step.number
    setattr(TIMINGS, name, Timing())  # MARK: LEAK
    getattr(TIMINGS, name).end = time.time()


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
