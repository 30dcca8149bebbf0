"""A warning whose text is new each time: Python notes in the module which texts it has shown.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container|unbounded-cache
what: tuple|str|dict
holder: __warningregistry__
site: LEAK
remedy: hoist|bound|remove-entry
"""

import sys
import time
import warnings

sys.stderr = None


def old_name(number):
    warnings.warn("item %d is asked for by its old name" % number, UserWarning, stacklevel=1)  # MARK: LEAK


def step():
    step.number += 1
    old_name(step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
