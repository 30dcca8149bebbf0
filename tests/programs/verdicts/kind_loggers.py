"""A logger for each request.

Loggers are kept by name for good.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: Logger
holder: loggerDict
line: LEAK
findings: 1
"""

import logging

import pace


def step():
    step.number += 1
    logging.getLogger("request.%d" % step.number)  # MARK: LEAK


step.number = 0
pace.loop(step)
