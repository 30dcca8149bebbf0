"""A tree of elements that know their parent, built and dropped for each page.

Truth
-----
command: diagnose
verdict: garbage
kind: reference-cycle
what: Element|list|dict
site: LEAK|DOWN
remedy: weakref|break-cycle
"""

import time


class Element:
    def __init__(self, name, parent=None):
        self.name = name
        self.parent = parent  # MARK: LEAK
        self.children = []
        if parent is not None:
            parent.children.append(self)  # MARK: DOWN


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
