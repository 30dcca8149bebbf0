"""Modules under names made at run time.

sys.modules keeps each with all that it defines.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: module|function
line: LEAK
"""

import sys
import types

import pace


def step():
    step.number += 1
    module = types.ModuleType("plugin_%d" % step.number)
    exec("def run(): return 1", module.__dict__)
    sys.modules[module.__name__] = module  # MARK: LEAK


step.number = 0
pace.loop(step, rate=50)
