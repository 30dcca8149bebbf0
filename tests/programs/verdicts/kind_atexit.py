"""A hook for the end of the program in each object.

The interpreter keeps the method, the method its object.

Truth
-----
command: diagnose
verdict: leak
kind: listener
what: Session
line: LEAK
"""

import atexit

import pace


class Session:
    def __init__(self):
        atexit.register(self.close)  # MARK: LEAK

    def close(self):
        pass


def step():
    Session()


pace.loop(step)
