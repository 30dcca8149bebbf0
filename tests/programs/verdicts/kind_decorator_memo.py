"""A decorator that keeps all results.

The dict is known to the closure alone.

Truth
-----
command: diagnose
verdict: leak
kind: unbounded-cache
what: Page
line: LEAK
"""

import functools

import pace


def memo(function):
    known = {}

    @functools.wraps(function)
    def wrapper(number):
        if number not in known:
            known[number] = function(number)  # MARK: LEAK
        return known[number]

    return wrapper


class Page:
    pass


@memo
def page(number):
    return Page()


def step():
    step.number += 1
    page(step.number)


step.number = 0
pace.loop(step)
