"""A chain that only gets longer.

No container grows: the objects hold each other.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: Node
holder: head
fast: yes
"""

import pace


class Node:
    def __init__(self, next_one):
        self.next_one = next_one


class Chain:
    head = None


def step():
    Chain.head = Node(Chain.head)


pace.loop(step)
