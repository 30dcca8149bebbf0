"""A pool of processes with work for each, results in a heap of the best ten.

Needs: nothing
"""

import heapq
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor


def score(number):
    return (number * 7919) % 10007, "candidate %d" % number


def main():
    best = []
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        print("READY", flush=True)
        number = 0
        while True:
            for result in pool.map(score, range(number, number + 20)):
                heapq.heappush(best, result)
            best = heapq.nlargest(10, best)
            heapq.heapify(best)
            number += 20
            time.sleep(0.05)


if __name__ == "__main__":
    main()
