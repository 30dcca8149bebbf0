"""A backlog: more is put than taken.

Jobs are taken, so nothing is kept for good, yet the queue grows. Whether the consumer will catch up cannot be said after some seconds.

Truth
-----
command: diagnose
verdict: inconclusive
"""

import queue

import pace

WORK = queue.Queue()


class Job:
    pass


def step():
    WORK.put(Job())
    WORK.put(Job())
    WORK.put(Job())
    WORK.get()
    WORK.get()


pace.loop(step, warm_up=200)
