"""What was done is taken out.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
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
        heapq.heappush(self.heap, (time.monotonic() + seconds, next(self.order), job))
        return job

    def expire(self):
        while self.heap and (self.heap[0][2].done or self.heap[0][0] < time.monotonic()):
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
