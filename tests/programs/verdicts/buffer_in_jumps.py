"""A receive buffer that is reused.

It takes the size of the longest message so far, and is emptied after each.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import pace

BUFFER = bytearray()


def step():
    step.calls += 1
    BUFFER.extend(b"x" * (1000 + 500 * (step.calls // 100)))
    BUFFER.clear()


step.calls = 0
pace.loop(step)
