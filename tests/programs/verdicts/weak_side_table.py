"""A side table by weak keys, whose objects a list keeps.

The values of the table do not hold their keys: the list is the cause.

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
EXTRA = weakref.WeakKeyDictionary()


class Session:
    pass


class Note:
    pass


def step():
    session = Session()
    EXTRA[session] = Note()
    KEPT.append(session)  # MARK: LEAK


pace.loop(step)
