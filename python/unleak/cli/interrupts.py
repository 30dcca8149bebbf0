"""Ctrl-C and SIGTERM without exceptions: they are counted, and end waits early.

The first asks for what is known so far; the second gives up what is still being waited for. Nothing is cut off in
the middle of a look: a look is bounded, and is taken by another process that these signals do not reach.
"""
from __future__ import annotations

import os
import select
import signal
from typing import Dict, List, Optional


class Interrupts:
    """Counts SIGINT and SIGTERM while it is entered. For the main thread."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.count = 0
        self.last: Optional[int] = None
        self._previous: Dict[int, object] = {}
        self._reader = self._writer = -1

    def __enter__(self) -> "Interrupts":
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in self.SIGNALS:
            self._previous[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        os.close(self._reader)
        os.close(self._writer)

    def _arrived(self, number: int, _frame: object) -> None:
        self.count += 1
        self.last = number
        try:
            os.write(self._writer, b"!")
        except BlockingIOError:
            pass        # the pipe is full of signals nobody has looked at: one is enough

    @property
    def exit_status(self) -> int:
        """128 + the signal: 130 after Ctrl-C."""
        return 128 + (self.last or signal.SIGINT)

    def wait(self, timeout: float, readable: Optional[int] = None) -> bool:
        """Wait until `readable` can be read, a signal comes (or has come since the last wait) or `timeout` seconds are
        over. True: it can be read."""
        sources: List[int] = [self._reader] + ([readable] if readable is not None else [])
        ready, _, _ = select.select(sources, [], [], max(0.0, timeout))
        if self._reader in ready:
            os.read(self._reader, 4096)     # also of a signal that came between two waits: none is slept through
        return readable is not None and readable in ready
