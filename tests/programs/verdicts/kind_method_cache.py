"""functools.cache on a method.

The cache belongs to the class and its keys keep every instance.

Truth
-----
command: diagnose
verdict: leak
kind: unbounded-cache
what: Report
holder: rows
line: LEAK
"""

import functools

import pace


class Report:
    def __init__(self, number):
        self.number = number

    @functools.lru_cache(maxsize=None)  # MARK: LEAK
    def rows(self, day):
        return self.number + day


def step():
    step.number += 1
    Report(step.number).rows(1)  # MARK: LEAK


step.number = 0
pace.loop(step)
