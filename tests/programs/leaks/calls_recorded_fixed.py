"""It counts them.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import functools
import time


def recorded(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        wrapper.calls += 1
        return function(*args, **kwargs)

    wrapper.calls = 0
    return wrapper


class Customer:
    def __init__(self, number):
        self.number = number


@recorded
def greet(customer, loud=False):
    return "HELLO" if loud else "hello"


def step():
    step.number += 1
    greet(Customer(step.number), loud=True)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
