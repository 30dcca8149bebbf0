"""Bound methods on a bus.

Nobody takes them off, and each keeps its object.

Truth
-----
command: diagnose
verdict: leak
kind: listener
what: Session
holder: on_close
line: LEAK
"""

import pace


class Bus:
    def __init__(self):
        self.on_close = []


BUS = Bus()


class Session:
    def __init__(self):
        BUS.on_close.append(self.close)  # MARK: LEAK

    def close(self):
        pass


def step():
    Session()


pace.loop(step)
