"""A handler for each call.

The logger keeps them, and each record goes to all.

Truth
-----
command: diagnose
verdict: leak
kind: listener
what: NullHandler
holder: handlers
line: LEAK
"""

import logging

import pace

LOG = logging.getLogger("app")


def step():
    LOG.addHandler(logging.NullHandler())  # MARK: LEAK


pace.loop(step, rate=50)
