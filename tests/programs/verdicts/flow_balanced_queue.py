"""A queue that is emptied as fast as it fills.

Its length goes up and down, and what is in it is new at every look.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import queue
import random

import pace

WORK = queue.Queue()


class Job:
    pass


def step():
    for _ in range(random.randrange(8)):
        WORK.put(Job())
    while WORK.qsize() > 30:
        WORK.get()


pace.loop(step)
