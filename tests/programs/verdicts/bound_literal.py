"""A dict that is bounded by hand.

It fills while it is looked at; the bound is a number in the line that adds.

Truth
-----
command: diagnose
verdict: not_a_leak
kind: filling-cache
holder: CACHE
fast: yes
"""

import pace

CACHE = {}


class Page:
    pass


def page(number):
    if number not in CACHE:
        if len(CACHE) >= 20000:
            CACHE.pop(next(iter(CACHE)))
        CACHE[number] = Page()
    return CACHE[number]


def step():
    step.number += 1
    page(step.number)


step.number = 0
pace.loop(step)
