"""A pool of workers that are replaced.

Each worker lives for two seconds and collects its results in that time: none lives long enough to leak.

Truth
-----
command: diagnose
verdict: clean|not_a_leak|inconclusive
options: --children
"""

import multiprocessing
import os
import time


def work(until):
    rows = []
    while time.time() < until:
        rows.append(bytearray(100))
        if len(rows) > 50:
            rows.clear()
        time.sleep(0.01)


def main():
    context = multiprocessing.get_context("fork")
    print("READY", os.getpid(), flush=True)
    while True:
        workers = [context.Process(target=work, args=(time.time() + 2,)) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


main()
