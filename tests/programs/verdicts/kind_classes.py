"""A class for each call, kept in a table.

Classes are big.

Truth
-----
command: diagnose
verdict: leak
kind: class-churn
what: type
holder: MODELS
line: LEAK
"""

import pace

MODELS = {}


def model(name):
    MODELS[name] = type(name, (), {"name": name})  # MARK: LEAK


def step():
    step.number += 1
    model("Row%d" % step.number)


step.number = 0
pace.loop(step, rate=50)
