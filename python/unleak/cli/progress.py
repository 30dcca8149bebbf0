"""One line on stderr that is written over while something takes longer, if stderr is a terminal."""
from __future__ import annotations

import shutil
import sys

from unleak.cli.text import printable


class Progress:
    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._shown = ""

    def show(self, text: str) -> None:
        if self._on and text != self._shown:
            self._shown = text
            width = max(20, shutil.get_terminal_size().columns - 1)
            sys.stderr.write("\r\x1b[K" + printable(text)[:width])
            sys.stderr.flush()

    def clear(self) -> None:
        if self._on and self._shown:
            self._shown = ""
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
