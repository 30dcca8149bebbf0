"""Generators that nobody runs to their end.

Each keeps its frame.

Truth
-----
command: diagnose
verdict: leak
kind: pinned-frame
what: generator
holder: STARTED
line: LEAK
"""

import pace

STARTED = []


def rows():
    data = bytearray(1000)
    yield len(data)
    yield 0


def step():
    generator = rows()
    next(generator)
    STARTED.append(generator)  # MARK: LEAK


pace.loop(step)
