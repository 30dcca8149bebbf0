"""The two functions are of the module.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time


def is_even(n):
    return n == 0 or is_odd(n - 1)


def is_odd(n):
    return n != 0 and is_even(n - 1)


def parity(number):
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
