"""The finalizer gets the path only.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time
import weakref


def forget(path):
    return len(path)


class Scratch:
    def __init__(self, number):
        self.path = "/scratch/%d" % number
        weakref.finalize(self, forget, self.path)

    def clean_up(self):
        forget(self.path)


def step():
    step.number += 1
    Scratch(step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
