"""The handler is looked up when it is needed.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time


class Parser:
    def __init__(self, strict):
        self.buffer = bytearray(800)
        self.strict = strict

    def parse_strict(self, text):
        return text

    def parse_loose(self, text):
        return text.strip()

    def feed(self, text):
        return self.parse_strict(text) if self.strict else self.parse_loose(text)


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
