"""Cycles with the collector switched off.

What would be garbage is a leak: nobody comes to free it.

Truth
-----
command: diagnose
verdict: leak
kind: reference-cycle
what: Node
line: LEAK
fast: yes
"""

import gc

import pace

gc.disable()


class Node:
    def __init__(self):
        self.me = self  # MARK: LEAK


def step():
    Node()


pace.loop(step)
