"""For a person: one line a finding that editors and terminals can follow, the code below it, a summary at the end."""

from __future__ import annotations

from collections import Counter
from typing import List

from unleak.check.finding import Finding
from unleak.check.result import Result

LONGEST = 400


def render(result: Result) -> str:
    lines: List[str] = []
    for finding in result.findings:
        lines += _finding(finding)
    return "\n".join([*lines, summary(result)]) + "\n"


def _finding(finding: Finding) -> List[str]:
    mark = finding.verdict or finding.certainty
    lines = [
        "%s:%d:%d: %s [%s] %s"
        % (plain(finding.path), finding.line, finding.column, finding.rule, mark, plain(finding.message))
    ]
    if finding.code:
        lines.append("    %5d | %s" % (finding.line, plain(finding.code)))
    if finding.grounds:
        lines.append("          = %s" % plain(finding.grounds))
    return lines


def summary(result: Result) -> str:
    """What was looked at, what was found, by how sure it is."""
    looked = "%s, %s, %.1f s" % (_count(result.files, "file"), _count(result.lines, "line"), result.seconds)
    if result.suppressed:
        looked += ", %d suppressed" % len(result.suppressed)
    if result.problems:
        looked += ", %d could not be looked at" % len({problem.path for problem in result.problems})
    if not result.findings:
        return "no findings (%s)" % looked
    marks = Counter(finding.verdict or finding.certainty for finding in result.findings)
    order = ("confirmed", "probable", "possible", "not exercised", "dismissed")
    parts = ["%d %s" % (marks[mark], mark) for mark in order if marks[mark]]
    return "%s: %s (%s); `unleak check --explain RULE` says why and what instead" % (
        _count(len(result.findings), "finding"), ", ".join(parts), looked)  # fmt: skip


def _count(number: int, what: str) -> str:
    return "%s %s%s" % (format(number, ","), what, "" if number == 1 else "s")


def plain(text: str) -> str:
    """On one line, without anything that could steer a terminal: names and code of a file are data."""
    text = text if len(text) <= LONGEST else text[:LONGEST] + " ..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode("ascii") for c in text)
