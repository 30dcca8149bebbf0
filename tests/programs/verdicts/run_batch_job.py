"""A short program that collects its result.

A list in a local variable grows until it is done: its work, no leak.

Truth
-----
command: run
verdict: clean|not_a_leak|inconclusive
"""

import time


class Row:
    pass


def main():
    rows = []
    for number in range(400):
        rows.append([Row() for _ in range(20)])
        time.sleep(0.01)
    return len(rows)


main()
