"""The list is cut after fifty steps.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time


class Undo:
    def __init__(self, text, before):
        self.text = text
        self.before = before


class Editor:
    def __init__(self):
        self.last = None

    def type(self, text):
        self.last = Undo(text, self.last)
        step, depth = self.last, 1
        while step.before is not None and depth < 50:
            step, depth = step.before, depth + 1
        step.before = None


EDITOR = Editor()


def step():
    step.number += 1
    EDITOR.type("word %d" % step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
