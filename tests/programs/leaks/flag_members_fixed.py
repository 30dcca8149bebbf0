"""The upper bits are taken off first.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import enum
import time


class Access(enum.IntFlag):
    READ = 1
    WRITE = 2
    DELETE = 4


def rights_of(word):
    return Access(word & 7)


def step(number):
    return Access.WRITE in rights_of(number * 8 + 3)


def main():
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        step(number)
        time.sleep(0.005)


if __name__ == "__main__":
    main()
