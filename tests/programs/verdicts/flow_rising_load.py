"""In-flight work under rising load.

Every request leaves after a second, but more and more are on their way: the table grows, and nothing leaks.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
fast: yes
"""

import itertools
import time

import pace

PENDING = {}
NUMBERS = itertools.count()
STARTED = time.monotonic()


class Request:
    def __init__(self, number):
        self.number = number
        self.until = time.monotonic() + 1.0


def step():
    now = time.monotonic()
    for number in [n for n, request in PENDING.items() if request.until <= now]:
        del PENDING[number]
    for _ in range(1 + int((now - STARTED) / 2)):
        number = next(NUMBERS)
        PENDING[number] = Request(number)


pace.loop(step)
