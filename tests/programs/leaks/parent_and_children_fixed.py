"""The way up is a weak reference.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time
import weakref


class Element:
    def __init__(self, name, parent=None):
        self.name = name
        self.parent = weakref.ref(parent) if parent else None
        self.children = []
        if parent is not None:
            parent.children.append(self)


def page(number):
    root = Element("page %d" % number)
    for row in range(4):
        item = Element("row", root)
        Element("cell", item)
    return len(root.children)


def step():
    step.number += 1
    page(step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
