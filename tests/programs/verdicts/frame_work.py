"""Jobs that collect in a local variable.

At some looks a function holds ten thousand objects: that is its work.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time

import pace


class Row:
    pass


def job():
    rows = []
    for number in range(10000):
        rows.append(Row())
        if number % 500 == 0:
            time.sleep(0.01)
    return len(rows)


pace.loop(job, rate=1, warm_up=1)
