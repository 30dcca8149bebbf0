"""The one exception that commands raise for things a person can act on, and the exit statuses."""
from __future__ import annotations

OK = 0
FOUND = 1        # findings at or above --fail-on
USAGE = 2        # the command line makes no sense
FAILED = 3       # could not be done: the reason and what to try are on stderr
INTERRUPTED = 130


class Failure(Exception):
    """Something could not be done: `message` says what and where, `hint` what to try ("" where there is nothing)."""

    def __init__(self, message: str, hint: str = "", status: int = FAILED):
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.status = status


def usage(message: str, hint: str = "") -> Failure:
    """A failure that is the caller's: exit status 2."""
    return Failure(message, hint, USAGE)
