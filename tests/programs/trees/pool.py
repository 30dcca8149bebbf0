"""multiprocessing: workers of a pool that is made by METHOD (fork or spawn) and used for SECONDS; prints the sum in the end.

pool.py METHOD SECONDS [leak]: READY when the pool works.
"""
import multiprocessing
import sys
import time

SEEN = []


def work(number, leaks):
    for step in range(20):
        if leaks:
            SEEN.append([number, step])  # MARK: LEAK
        time.sleep(0.005)
    return number


def main(method, seconds, leaks):
    total = 0
    with multiprocessing.get_context(method).Pool(2) as pool:
        pool.starmap(work, [(0, False)] * 2)
        print("READY", flush=True)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            total += sum(pool.starmap(work, [(1, leaks)] * 4))
    print("done" if total else "nothing")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3:] == ["leak"])
