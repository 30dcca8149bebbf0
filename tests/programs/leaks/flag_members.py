"""A flag class is called with words whose upper bits mean something else: it keeps a pseudo-member for each.

Truth
-----
command: diagnose
verdict: leak
kind: unbounded-cache|growing-container
what: Access|int
holder: _value2member_map_
site: LEAK|__missing__@enum.py|_missing_@enum.py|_create_pseudo_member_@enum.py
remedy: bound|remove-entry|hoist
"""

import enum
import time


class Access(enum.IntFlag):
    READ = 1
    WRITE = 2
    DELETE = 4


def rights_of(word):
    return Access(word)  # MARK: LEAK


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
