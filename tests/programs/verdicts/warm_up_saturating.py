"""A cache of a small world.

There are only so many keys: more and more of the questions have been asked before.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
seconds: 10
"""

import random

import pace

CACHE = {}


class Page:
    pass


def step():
    key = random.randrange(400)
    if key not in CACHE:
        CACHE[key] = Page()


pace.loop(step, rate=250, warm_up=400)
