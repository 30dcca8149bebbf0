"""A cache whose entries expire after a second.

It has as many entries at every look; they are others each time.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time

import pace

CACHE = {}


class Answer:
    def __init__(self):
        self.at = time.monotonic()


def step():
    now = time.monotonic()
    for old in [k for k, answer in CACHE.items() if now - answer.at > 1.0]:
        del CACHE[old]
    step.number += 1
    CACHE[step.number] = Answer()


step.number = 0
pace.loop(step)
