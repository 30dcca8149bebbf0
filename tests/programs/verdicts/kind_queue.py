"""A queue that nobody empties.

Its consumer has ended, and nobody noticed.

Truth
-----
command: diagnose
verdict: leak
kind: unfinished-task
what: Job
holder: WORK
line: LEAK
"""

import queue

import pace

WORK = queue.Queue()


class Job:
    pass


def step():
    WORK.put(Job())  # MARK: LEAK


pace.loop(step)
