"""A deque with a maxlen that is not full yet.

The last hundred thousand measurements are kept.

Truth
-----
command: diagnose
verdict: not_a_leak
kind: filling-cache
holder: HISTORY
"""

import collections

import pace

HISTORY = collections.deque(maxlen=100000)


class Measurement:
    pass


def step():
    HISTORY.append(Measurement())


pace.loop(step)
