"""Attributes under names that are made up and deleted again: the names stay interned, and immortal in CPython 3.12.

Truth
-----
command: diagnose
verdict: leak
kind: immortal-string
what: str
site: LEAK
remedy: hoist|upgrade|bound|remove-entry
pythons: 3.12
"""

import time


class Scope:
    pass


SCOPE = Scope()


def run(number):
    name = "variable_of_request_%d" % number
    setattr(SCOPE, name, number)  # MARK: LEAK
    delattr(SCOPE, name)


def step():
    step.number += 1
    run(step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.003)


if __name__ == "__main__":
    main()
