"""Weak references that are kept after their objects died.

The objects are gone, the references stay.

Truth
-----
command: diagnose
verdict: leak
kind: weakref-misuse
what: weakref|ReferenceType
holder: WATCHED
line: LEAK
"""

import weakref

import pace

WATCHED = []


class Session:
    pass


def step():
    WATCHED.append(weakref.ref(Session()))  # MARK: LEAK


pace.loop(step)
