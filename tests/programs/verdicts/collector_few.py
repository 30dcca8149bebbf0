"""A cycle now and then.

Two objects a second are not worth a word.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import pace


class Node:
    def __init__(self):
        self.me = self


def step():
    step.calls += 1
    if step.calls % 50 == 0:
        Node()


step.calls = 0
pace.loop(step)
