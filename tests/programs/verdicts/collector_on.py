"""Many cycles a second with the collector on.

Memory goes up and down; all of it is freed in time.

Truth
-----
command: diagnose
verdict: garbage
kind: reference-cycle
what: Node
line: LEAK
"""

import pace


class Node:
    def __init__(self):
        self.me = self  # MARK: LEAK


def step():
    Node()


pace.loop(step)
