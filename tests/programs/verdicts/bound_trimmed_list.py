"""A list that is cut to its last entries.

After each addition a slice of what is old is deleted.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import pace

RECENT = []


class Event:
    pass


def step():
    RECENT.append(Event())
    del RECENT[:-40]


pace.loop(step, warm_up=100)
