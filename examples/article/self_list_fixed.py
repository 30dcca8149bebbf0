"""A list that contains a copy of itself: freed when its last name goes.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""
import os
import time

def step():
    a = list(range(1000, 2000))
    a.append(list(a))


def main():
    print("READY", os.getpid(), flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
