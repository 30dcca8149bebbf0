"""A ring buffer in a list.

Every slot is overwritten in turn; the list is as long as ever.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import pace

RING = [None] * 500


class Event:
    pass


def step():
    step.at = (step.at + 1) % len(RING)
    RING[step.at] = Event()


step.at = 0
pace.loop(step, rate=300)
