"""It writes at once, and there are few.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import os
import shelve
import tempfile
import time

SHELF = shelve.open(os.path.join(tempfile.mkdtemp(), "orders"))


def step(number):
    SHELF["order %d" % (number % 50)] = {"number": number, "items": ["a", "b"]}


def main():
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        step(number)
        time.sleep(0.02)


if __name__ == "__main__":
    main()
