"""An lru_cache that is full.

Entries come and go at the same length.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import functools

import pace


class Page:
    pass


@functools.lru_cache(maxsize=50)
def page(number):
    return Page()


def step():
    step.number += 1
    page(step.number)


step.number = 0
pace.loop(step, warm_up=100)
