"""Both names go, and so does the entry in the list: the object is freed.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""
import os
import time

ALIASES = []


def step():
    a = [1, 2, 3] * 50
    b = a
    ALIASES.append(b)
    del a, b
    del ALIASES[:]


def main():
    print("READY", os.getpid(), flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
