"""A list that contains itself: its reference count never gets to 0, only the collector frees it.

Truth
-----
command: diagnose
verdict: garbage
kind: reference-cycle
what: list
line: LEAK
remedy: break-cycle|weakref|del
"""
import os
import time

def step():
    a = list(range(1000, 2000))
    a.append(a)  # MARK: LEAK


def main():
    print("READY", os.getpid(), flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
