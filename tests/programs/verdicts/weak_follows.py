"""A weak set that follows a list that leaks.

One cause, one finding: the list, not the set.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: Session
holder: KEPT
line: LEAK
findings: 1
"""

import weakref

import pace

KEPT = []
SEEN = weakref.WeakSet()


class Session:
    pass


def step():
    session = Session()
    SEEN.add(session)
    KEPT.append(session)  # MARK: LEAK


pace.loop(step)
