"""Which files a path stands for, and the text of a file: what cannot be read is said, never guessed."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tokenize
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from unleak.check.finding import Problem

LARGEST = 8 << 20  # bytes of one source file
SKIPPED = {"__pycache__", "node_modules", "site-packages", "build", "dist", "venv", "env"}
ENDINGS = (".py", ".pyw")


class Text(NamedTuple):
    """A file's bytes, and the same decoded as Python would."""

    data: bytes
    text: str
    sha256: str


def listed(paths: Sequence[str], exclude: Sequence[str] = ()) -> Tuple[List[str], List[Problem]]:
    """The files to look at, in order and once each; a path that is not there is a problem."""
    found: Dict[str, None] = {}
    problems: List[Problem] = []
    for path in paths:
        if os.path.isdir(path):
            found.update(dict.fromkeys(_below(path, exclude, problems)))
        elif os.path.exists(path):
            found[path] = None
        else:
            problems.append(Problem(path, 0, "there is no such file or folder"))
    return list(found), problems


def _below(root: str, exclude: Sequence[str], problems: List[Problem]) -> Iterator[str]:
    """Python files of a folder; hidden folders, virtual environments, caches and built copies are left out. A folder
    that is named on the command line itself is always looked at."""

    def unreadable(problem: OSError) -> None:
        problems.append(Problem(str(problem.filename), 0, "cannot be listed: %s" % problem.strerror))

    for folder, folders, names in os.walk(root, onerror=unreadable):
        folders[:] = sorted(name for name in folders if _wanted(os.path.join(folder, name), name, exclude))
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith(ENDINGS) and not excluded(path, exclude):
                yield path


def _wanted(path: str, name: str, exclude: Sequence[str]) -> bool:
    if name.startswith(".") or name in SKIPPED or excluded(path, exclude):
        return False
    return not os.path.exists(os.path.join(path, "pyvenv.cfg"))


def excluded(path: str, patterns: Sequence[str]) -> bool:
    """Whether a path, its name, or one of the folders on its way is meant by a pattern."""
    import fnmatch

    clean = os.path.normpath(path).replace(os.sep, "/")
    parts = clean.split("/")
    for pattern in patterns:
        if fnmatch.fnmatch(clean, pattern) or fnmatch.fnmatch(clean, "*/" + pattern):
            return True
        if "/" not in pattern and any(fnmatch.fnmatch(part, pattern) for part in parts):
            return True
    return False


def read(path: str) -> Union[Text, Problem]:
    """A file's text, or why there is none."""
    data = _bytes(path)
    if isinstance(data, Problem):
        return data
    if b"\0" in data:
        return Problem(path, 0, "is not text: it holds NUL bytes")
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
        text = io.TextIOWrapper(io.BytesIO(data), encoding).read()
    except SyntaxError as problem:
        return Problem(path, 1, "its encoding cannot be known: %s" % problem)
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        return Problem(path, line, "is not valid %s (byte 0x%02x)" % (problem.encoding, data[problem.start]))
    except (LookupError, UnicodeError) as problem:
        return Problem(path, 1, "cannot be decoded: %s" % problem)
    return Text(data, text, hashlib.sha256(data).hexdigest())


def _bytes(path: str) -> Union[bytes, Problem]:
    """At most LARGEST bytes of a regular file. Opened without waiting: a pipe must not hold the check up."""
    descriptor: Optional[int] = None
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            return Problem(path, 0, "is not a regular file")
        if facts.st_size > LARGEST:
            return Problem(path, 0, "is larger than %d MiB" % (LARGEST >> 20))
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(LARGEST + 1)
    except OSError as problem:
        return Problem(path, 0, "cannot be read: %s" % problem.strerror)
    finally:
        if descriptor is not None:
            os.close(descriptor)
