"""Exceptions that are kept.

Each keeps its traceback, the frames and the data that they worked on.

Truth
-----
command: diagnose
verdict: leak
kind: pinned-frame
what: ValueError
holder: FAILURES
line: LEAK
fast: yes
"""

import pace

FAILURES = []


def parse(text):
    data = bytearray(8000)
    return int(text) + len(data)


def step():
    try:
        parse("x")
    except ValueError as error:
        FAILURES.append(error)  # MARK: LEAK


pace.loop(step)
