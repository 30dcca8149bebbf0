"""The programs of tests/programs/leaks and the truth that each states in its docstring.

A case is NAME.py and its fixed twin NAME_fixed.py; or two folders, NAME/ and NAME_fixed/, each with a __main__.py that
states the truth. Truth is written below its headline, one `key: value` a line; alternatives are divided by `|`:

    Truth
    -----
    command: diagnose | run
    verdict: leak                   the verdicts that are right
    kind: growing-container         the kinds that are right
    what: Session|dict              the last part of the name of a type that leaks (a regular expression)
    holder: sessions.ACTIVE         found as a whole word in the holder's text, root or types (a regular expression)
    site: LEAK|put@queue.py         a line that ends in `# MARK: LEAK`, or a function of a file
    remedy: remove-entry|bound      the actions that are right
    pythons: 3.9-3.12               only these, where the language or the library decides

A fixed twin states its command and verdict, and as `kind` what is true of it and no false alarm.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Tuple

from judging import Expect, Site

FOLDER = Path(__file__).resolve().parents[1] / "programs" / "leaks"
KEYS = frozenset("command verdict kind what holder site remedy pythons".split())
FIXED = "_fixed"
TEN_WAYS = (
    "memo_dict",
    "lists_by_user",
    "closures_name_each_other",
    "event_bus_partials",
    "errors_with_frames",
    "tasks_wait_forever",
    "thread_local_spans",
    "lru_on_method",
    "slots_instances",
    "linked_undo",
)
"""Cases that leak in ten ways, for runs in which all would take hours."""


@dataclass(frozen=True)
class Program:
    """One side of a case: what to start, and what is true of it."""

    name: str
    path: Path
    fixed: bool
    command: str
    expect: Expect
    pythons: str = ""

    def runs_on(self, tag: str) -> bool:
        """Whether the case says anything of this interpreter ("3.12", "3.13t")."""
        if not self.pythons:
            return True
        low, _, high = self.pythons.partition("-")
        return _version(low) <= _version(tag) <= _version(high or low)


@dataclass(frozen=True)
class Case:
    bad: Program
    fixed: Program

    @property
    def name(self) -> str:
        return self.bad.name


class BadTruth(ValueError):
    """A program states no truth, or one that means nothing."""


def load_cases(folder: Path = FOLDER) -> List[Case]:
    """All cases, by name."""
    found = {p.parent.name: p for p in folder.glob("*/__main__.py")}
    found.update({p.stem: p for p in folder.glob("*.py")})
    return [
        Case(_load(found[name], name, False), _load(_twin(found, name), name, True))
        for name in sorted(found)
        if not name.endswith(FIXED)
    ]


def _twin(found: Dict[str, Path], name: str) -> Path:
    if name + FIXED not in found:
        raise BadTruth("%s has no twin %s" % (name, name + FIXED))
    return found[name + FIXED]


def _load(path: Path, name: str, fixed: bool) -> Program:
    truth = read_truth(path)
    if truth.get("command") not in ("diagnose", "run") or not truth.get("verdict"):
        raise BadTruth("%s states no command or no verdict" % path)
    expect = Expect(
        verdict=tuple(truth["verdict"].split("|")),
        kind=_pattern("^(?:%s)$", truth.get("kind")),
        what=_pattern(r"(?:^|\.)(?:%s)$", truth.get("what")),
        holder=_pattern(r"(?<!\w)(?:%s)(?!\w)", truth.get("holder")),
        site=tuple(_site(path, text) for text in filter(None, truth.get("site", "").split("|"))),
        remedy=_pattern("^(?:%s)$", truth.get("remedy")),
    )
    start = path.parent if path.name == "__main__.py" else path
    return Program(name, start, fixed, truth["command"], expect, truth.get("pythons", ""))


def read_truth(path: Path) -> Dict[str, str]:
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    block = text.partition("\nTruth\n-----\n")[2]
    truth = {}
    for line in filter(None, block.splitlines()):
        key, colon, value = line.partition(": ")
        if not colon or key not in KEYS or not value.strip():
            raise BadTruth("%s: no truth in the line %r" % (path, line))
        truth[key] = value.strip()
    return truth


def _pattern(frame: str, value: "str | None") -> Tuple[str, ...]:
    return (frame % value,) if value else ()


def _site(path: Path, text: str) -> Site:
    """`function@file` is a place in any file; a word is a mark in the program's own files."""
    function, at, file = text.partition("@")
    if at:
        return Site(function="^(?:%s)$" % function, file=r"(?:^|/)%s$" % re.escape(file))
    sources = sorted(path.parent.rglob("*.py")) if path.name == "__main__.py" else [path]
    for source in sources:
        lines = _marked_lines(source, text)
        if lines:
            return Site(program=source.name, lines=lines)
    raise BadTruth("%s: no line ends in # MARK: %s" % (path, text))


def _marked_lines(path: Path, mark: str) -> Tuple[int, ...]:
    ending = re.compile(r"#\s*MARK:\s*%s\s*$" % re.escape(mark))
    return tuple(n for n, line in enumerate(path.read_text().splitlines(), 1) if ending.search(line))


def _version(text: str) -> Tuple[int, int]:
    major, minor = text.rstrip("t").split(".")
    return int(major), int(minor)
