"""An lru_cache that is not full yet.

It has a size, which its wrapper tells.

Truth
-----
command: diagnose
verdict: not_a_leak
kind: filling-cache
bound: 50000
"""

import functools

import pace


class Page:
    pass


@functools.lru_cache(maxsize=50000)
def page(number):
    return Page()


def step():
    step.number += 1
    page(step.number)


step.number = 0
pace.loop(step)
