"""A buffer of which nothing is cut off.

What has been read stays in front.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: bytearray
holder: PARSER
line: LEAK
"""

import pace


class Parser:
    def __init__(self):
        self.buffer = bytearray()
        self.at = 0

    def feed(self, data):
        self.buffer += data  # MARK: LEAK
        self.at += len(data)


PARSER = Parser()


def step():
    PARSER.feed(b"x" * 1000)


pace.loop(step)
