"""An object that picks its own method as handler, and so holds itself.

Truth
-----
command: diagnose
verdict: garbage
kind: reference-cycle
what: method|Parser|bytearray|dict
site: LEAK
remedy: break-cycle|weakref|hoist|del
"""

import time


class Parser:
    def __init__(self, strict):
        self.buffer = bytearray(800)
        self.handler = self.parse_strict if strict else self.parse_loose  # MARK: LEAK

    def parse_strict(self, text):
        return text

    def parse_loose(self, text):
        return text.strip()

    def feed(self, text):
        return self.handler(text)


def step():
    step.number += 1
    Parser(step.number % 2).feed("text")


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
