"""A dict takes any key and interns none.

Truth
-----
command: diagnose
pythons: 3.12
verdict: clean|not_a_leak
"""

import time


class Scope:
    pass


SCOPE = Scope()
VALUES = {}


def run(number):
    name = "variable_of_request_%d" % number
    VALUES[name] = number
    del VALUES[name]


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
