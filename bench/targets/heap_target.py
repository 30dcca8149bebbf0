"""A program whose heap is of a known shape and size, to be looked at: prints a line when the heap stands, ends at the end of its input.

One group is an instance with a dict, a dict, three lists, a tuple, strs, ints, a float and an object with slots, and a
reference back to the instance: about 14 objects and 890 bytes. 385,000 groups are 5.4 million objects in 340 MiB.
"""

import gc
import sys


class Node:
    def __init__(self, number):
        self.id = number
        self.name = "node-%d" % number
        self.children = [number + 10**6, None]
        self.meta = None


class Slot:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a = a
        self.b = b


def build(groups):
    """All groups in one list."""
    out = []
    for i in range(groups):
        node = Node(i * 7 + 1000)
        node.meta = {"k": i + 10**7, "t": (i * 3 + 2000, "s%d" % i), "o": node}
        out.append(node)
        out.append(Slot("z%d" % i, [i * 5.0]))
    return out


def main():
    """heap_target.py [GROUPS]"""
    gc.disable()
    heap = build(int(sys.argv[1]) if len(sys.argv) > 1 else 385000)
    gc.enable()
    gc.collect()
    print(len(heap), flush=True)
    sys.stdin.read()


main()
