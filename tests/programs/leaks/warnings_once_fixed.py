"""The text is always the same.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import sys
import time
import warnings

sys.stderr = None


def old_name(number):
    warnings.warn("an item is asked for by its old name", UserWarning, stacklevel=1)


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
