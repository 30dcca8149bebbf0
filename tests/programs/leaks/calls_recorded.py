"""A decorator that records the calls of a function on the function itself.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: tuple|Customer|dict
holder: .*calls.*
site: LEAK
remedy: remove-entry|bound|del|hoist
"""

import functools
import time


def recorded(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        wrapper.calls.append((args, kwargs))  # MARK: LEAK
        return function(*args, **kwargs)

    wrapper.calls = []
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
