"""What a rule finds, and what a file's check comes to."""

from __future__ import annotations

import hashlib
from typing import Any, Dict, List, NamedTuple, Tuple

CERTAINTIES = ("possible", "probable", "confirmed")


class Finding(NamedTuple):
    """One place. Lines and columns count from 1; `end_column` is the column after the last character."""

    rule: str
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    message: str
    symbol: str = ""  # qualified name of the function or class around it, "" at the top of the module
    subject: str = ""  # what a look at the running program would name: Class.attribute, a global, a function
    places: Tuple[int, ...] = ()  # further lines of the same file that belong to it, such as the stores
    code: str = ""  # the source line, stripped
    certainty: str = "possible"
    verdict: str = ""  # of the evidence: confirmed, dismissed, not exercised; "" when there was none
    grounds: str = ""  # why, when there is a verdict

    @property
    def fingerprint(self) -> str:
        """The same for the same finding when lines above it come and go: rule, scope, subject and text, no number."""
        text = "\0".join((self.rule, self.symbol, self.subject, " ".join(self.code.split())))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def as_json(self) -> Dict[str, Any]:
        return {**self._asdict(), "places": list(self.places), "fingerprint": self.fingerprint}


class Problem(NamedTuple):
    """A file that could not be looked at, wholly or by one rule, and why."""

    path: str
    line: int  # 0: the whole file
    message: str


class FileReport(NamedTuple):
    """All that one file came to."""

    path: str
    lines: int
    findings: List[Finding]
    suppressed: List[Finding]
    problems: List[Problem]
    sha256: str = ""


def certainty_rank(name: str) -> int:
    return CERTAINTIES.index(name) + 1 if name in CERTAINTIES else 0
