"""A map of lists, each of which grows a little.

No list grows enough for itself; one line fills them all, so it is one finding.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: Event
holder: BY_USER
line: LEAK
findings: 1
fast: yes
"""

import itertools

import pace

BY_USER = {user: [] for user in range(300)}
USERS = itertools.cycle(BY_USER)


class Event:
    pass


def step():
    BY_USER[next(USERS)].append(Event())  # MARK: LEAK


pace.loop(step)
