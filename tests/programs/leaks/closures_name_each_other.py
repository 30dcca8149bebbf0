"""Two inner functions that call each other: each call of the outer one leaves a cycle.

Truth
-----
command: diagnose
verdict: garbage
kind: reference-cycle
what: function|cell|tuple
site: LEAK
remedy: hoist|break-cycle|del|weakref
"""

import time


def parity(number):
    def is_even(n):  # MARK: LEAK
        return n == 0 or is_odd(n - 1)

    def is_odd(n):  # MARK: LEAK
        return n != 0 and is_even(n - 1)

    return is_even(number)


def step():
    step.number += 1
    parity(step.number % 20)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
