"""Prints a document as asked, and what it means for the exit status."""
from __future__ import annotations

import json
import os
import sys
from typing import IO, Any, Optional

from unleak.cli.document import Document, exit_status
from unleak.cli.interrupts import Interrupts
from unleak.cli.render import render
from unleak.cli.text import printable


def colored(stream: IO[str]) -> bool:
    """Colours only on a terminal that wants them (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write_json(value: Any, stream: Optional[IO[str]] = None) -> None:
    """One document and a newline, as ASCII: whatever a name of the target holds, every reader can decode it."""
    out = stream or sys.stdout
    json.dump(value, out, ensure_ascii=True, indent=2)
    out.write("\n")
    out.flush()


def emit(document: Document, args: Any, interrupts: Optional[Interrupts] = None, stream: Optional[IO[str]] = None) -> int:
    """Print the verdict (text to `stream`, JSON always to stdout); the exit status that goes with it."""
    if args.json:
        write_json(document)
    else:
        out = stream or sys.stdout
        out.write(encodable(render(document, colored(out), working_folder()), out))
        out.flush()
    if document.get("verdict") == "inconclusive":
        sys.stderr.write("unleak: inconclusive: %s\n" % printable(document.get("summary", "")))
    if interrupts is not None and interrupts.count:
        return interrupts.exit_status
    return exit_status(document, args.fail_on)


def working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""       # it was removed meanwhile


def encodable(text: str, stream: IO[str]) -> str:
    """For a stream that cannot write arrows and dots (LANG=C): the same with ASCII in their place."""
    encoding = getattr(stream, "encoding", None) or "ascii"
    try:
        text.encode(encoding)
        return text
    except UnicodeEncodeError:
        plain = text.replace("→", "->").replace("←", "<-").replace("·", "|")
        return plain.encode(encoding, "backslashreplace").decode(encoding)
