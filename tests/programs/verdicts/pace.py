"""Runs a step at a pace; prints READY once the program has settled. No program of its own."""

import os
import time


def loop(step, rate=100.0, warm_up=50, until=None):
    """Call `step` about `rate` times a second for ever, or until `until()`; READY after `warm_up` calls."""
    for _ in range(warm_up):
        step()
    print("READY", os.getpid(), flush=True)
    due = time.monotonic()
    while until is None or not until():
        step()
        due = max(due + 1.0 / rate, time.monotonic() - 1.0)
        time.sleep(max(0.0, due - time.monotonic()))
