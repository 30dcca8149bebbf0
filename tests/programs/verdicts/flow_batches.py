"""A batch that is written out when it is full.

The list only grows between two looks, and is empty again a little later.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import pace

BATCH = []


class Row:
    pass


def step():
    BATCH.append(Row())
    if len(BATCH) == 210:
        del BATCH[:]


pace.loop(step)
