"""Many lists of many objects, each of which grows fast.

One line fills them all: one finding, not one a list.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: Event
holder: events
line: LEAK
findings: 1
"""

import pace


class Event:
    pass


class User:
    def __init__(self):
        self.events = []

    def add(self):
        self.events.append(Event())  # MARK: LEAK


USERS = [User() for _ in range(40)]


def step():
    for user in USERS:
        user.add()


pace.loop(step, rate=30)
