"""A shelf with writeback keeps everything that it was ever asked for or given.

Truth
-----
command: diagnose
verdict: leak
kind: unbounded-cache|growing-container
what: dict|str|list
holder: SHELF
site: LEAK|__setitem__@shelve.py
remedy: bound|remove-entry|close
"""

import os
import shelve
import tempfile
import time

SHELF = shelve.open(os.path.join(tempfile.mkdtemp(), "orders"), writeback=True)


def step(number):
    SHELF["order %d" % number] = {"number": number, "items": ["a", "b"]}  # MARK: LEAK


def main():
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        step(number)
        time.sleep(0.02)


if __name__ == "__main__":
    main()
