"""A service that imports what it needs when it needs it.

The first seconds bring modules, classes and functions by the hundred.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import importlib

import pace

NAMES = iter(
    "json csv decimal fractions html email.message http.client xml.dom.minidom sqlite3 zipfile tarfile difflib".split()
)


def step():
    step.calls += 1
    name = next(NAMES, None) if step.calls % 20 == 0 else None
    if name:
        importlib.import_module(name)


step.calls = 0
pace.loop(step, warm_up=5)
