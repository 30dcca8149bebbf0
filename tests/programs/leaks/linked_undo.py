"""An editor whose undo steps are a linked list that is never cut.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: Undo|str|dict
holder: last|.*Editor.*|.*EDITOR.*
site: LEAK|LINK
remedy: bound|remove-entry|del
"""

import time


class Undo:
    def __init__(self, text, before):
        self.text = text
        self.before = before  # MARK: LINK


class Editor:
    def __init__(self):
        self.last = None

    def type(self, text):
        self.last = Undo(text, self.last)  # MARK: LEAK


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
