"""Cycles with a threshold of zero.

The collector is enabled, but never starts by itself.

Truth
-----
command: diagnose
verdict: leak
kind: reference-cycle
what: Parent|Child
line: LEAK
"""

import gc

import pace

gc.set_threshold(0)


class Parent:
    def __init__(self):
        self.child = Child(self)


class Child:
    def __init__(self, parent):
        self.parent = parent  # MARK: LEAK


def step():
    Parent()


pace.loop(step)
