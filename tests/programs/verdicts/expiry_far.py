"""A cache whose entries expire after a minute.

Younger than that it only grows: the line that removes reads a clock, so only a longer look can tell.

Truth
-----
command: diagnose
verdict: inconclusive
fast: yes
"""

import time

import pace

CACHE = {}
KEEP_S = 60.0


class Answer:
    def __init__(self):
        self.at = time.time()


def remember(key):
    now = time.time()
    for old in [k for k, answer in CACHE.items() if now - answer.at > KEEP_S]:
        del CACHE[old]
    CACHE[key] = Answer()


def step():
    step.number += 1
    remember("key %d" % step.number)


step.number = 0
pace.loop(step)
