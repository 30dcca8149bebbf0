"""`--log FILE`: what was done to which process, when; as root one line a diagnosis also goes to syslog."""
from __future__ import annotations

import os
import time
from typing import IO, Optional

from unleak.cli import errors
from unleak.cli.text import printable


class Journal:
    """Appends lines `2024-05-01T12:00:00.123+0000 text`. Without a path it records nothing."""

    def __init__(self, path: Optional[str]):
        self._file: Optional[IO[str]] = None
        if path:
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            except OSError as problem:
                raise errors.Failure("cannot write the log %s: %s" % (path, problem.strerror)) from None
            self._file = os.fdopen(descriptor, "a", encoding="utf-8")

    def write(self, text: str) -> None:
        if self._file is None:
            return
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        self._file.write("%s.%03d+0000 %s\n" % (stamp, int(now * 1000) % 1000, printable(text)))
        self._file.flush()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def announce(text: str) -> None:
    """As root, to the system's log: somebody looked into another program."""
    if os.geteuid() == 0:
        import syslog
        syslog.openlog("unleak", syslog.LOG_PID)
        syslog.syslog(syslog.LOG_INFO, printable(text))
