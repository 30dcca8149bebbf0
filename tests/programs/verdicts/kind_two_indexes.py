"""The same objects in two maps and a list.

One cause: sessions that are never removed.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: Session
holder: BY_NUMBER|BY_NAME|ORDER
line: LEAK
findings: 1
"""

import pace

BY_NUMBER = {}
BY_NAME = {}
ORDER = []


class Session:
    pass


def step():
    step.number += 1
    session = Session()
    BY_NUMBER[step.number] = session  # MARK: LEAK
    BY_NAME["session %d" % step.number] = session  # MARK: LEAK
    ORDER.append(session)  # MARK: LEAK


step.number = 0
pace.loop(step)
