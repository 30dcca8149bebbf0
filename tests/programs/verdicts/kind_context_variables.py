"""A ContextVar for each object.

The context of the thread keeps each, with its value.

Truth
-----
command: diagnose
verdict: leak
kind: context
what: ContextVar
"""

import contextvars

import pace


class Session:
    def __init__(self):
        self.current = contextvars.ContextVar("current")
        self.current.set(bytearray(100))


def step():
    Session()


pace.loop(step)
