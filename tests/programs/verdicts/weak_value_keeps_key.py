"""A WeakKeyDictionary whose values hold their keys.

The entry keeps itself.

Truth
-----
command: diagnose
verdict: leak
kind: weakref-misuse
what: Session
holder: EXTRA
line: LEAK
fast: yes
"""

import weakref

import pace

EXTRA = weakref.WeakKeyDictionary()


class Session:
    pass


def step():
    session = Session()
    EXTRA[session] = {"of": session}  # MARK: LEAK


pace.loop(step)
