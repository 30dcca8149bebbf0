"""A WeakValueDictionary whose objects come and go.

Its entries go with the objects.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import collections
import weakref

import pace

NAMES = weakref.WeakValueDictionary()
ALIVE = collections.deque(maxlen=100)


class Session:
    pass


def step():
    step.number += 1
    session = Session()
    NAMES[step.number] = session
    ALIVE.append(session)


step.number = 0
pace.loop(step, warm_up=200)
