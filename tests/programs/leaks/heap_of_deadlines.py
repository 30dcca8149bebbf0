"""A heap of deadlines: what was done before its deadline is left in it.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container|unfinished-task
what: tuple|Job|dict
holder: heap
site: LEAK
remedy: remove-entry|bound|cancel|unregister
"""

import heapq
import itertools
import time


class Job:
    def __init__(self):
        self.done = False


class Deadlines:
    def __init__(self):
        self.heap = []
        self.order = itertools.count()

    def add(self, job, seconds):
        heapq.heappush(self.heap, (time.monotonic() + seconds, next(self.order), job))  # MARK: LEAK
        return job

    def expire(self):
        while self.heap and self.heap[0][0] < time.monotonic():
            heapq.heappop(self.heap)


DEADLINES = Deadlines()


def step():
    DEADLINES.add(Job(), 3600).done = True
    DEADLINES.expire()


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
