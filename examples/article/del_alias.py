"""`del a` takes away a name, not the list: b still holds it, and every b is kept.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: list
holder: ALIASES
line: LEAK
remedy: del|remove-entry|bound
"""
import os
import time

ALIASES = []


def step():
    a = [1, 2, 3] * 50
    b = a
    ALIASES.append(b)  # MARK: LEAK
    del a


def main():
    print("READY", os.getpid(), flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
