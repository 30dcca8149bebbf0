"""A program that builds a big table because it needs it all.

It sorts: nothing of it can be done in parts, and no line reads in one go.

Truth
-----
command: run
verdict: clean|not_a_leak
"""

import random
import time


def main():
    table = [random.random() for _ in range(2000000)]
    for _ in range(10):
        table.sort()
        time.sleep(0.1)


main()
