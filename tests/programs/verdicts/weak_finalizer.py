"""A finalizer that holds what it waits for.

The callback is a method of the object itself.

Truth
-----
command: diagnose
verdict: leak
kind: weakref-misuse
what: Session
"""

import weakref

import pace


class Session:
    def __init__(self):
        weakref.finalize(self, self.close)  # MARK: LEAK

    def close(self):
        pass


def step():
    Session()


pace.loop(step)
