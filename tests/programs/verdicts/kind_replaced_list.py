"""A list that is replaced by a longer copy.

No list grows; the one in its place is longer each time.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: Listener
holder: listeners
line: LEAK
"""

import pace


class Listener:
    pass


class Bus:
    def __init__(self):
        self.listeners = []

    def add(self, listener):
        self.listeners = self.listeners + [listener]  # MARK: LEAK


BUS = Bus()


def step():
    BUS.add(Listener())


pace.loop(step, rate=50)
