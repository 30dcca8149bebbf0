"""The whole check: files, rules, findings, and what could not be looked at."""

from __future__ import annotations

import time
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence

from unleak.check import files, workers
from unleak.check.finding import FileReport, Finding, Problem, certainty_rank


class Result(NamedTuple):
    """What formats print. Findings are sorted by place."""

    tool: str
    rules: List[str]
    files: int
    lines: int
    seconds: float
    findings: List[Finding]
    suppressed: List[Finding]
    problems: List[Problem]
    notes: List[str]
    hashes: Dict[str, str]  # sha256 of each file with findings

    def at_least(self, certainty: str) -> List[Finding]:
        """Findings that count for the exit status: not those that the evidence dismissed."""
        least = certainty_rank(certainty)
        return [f for f in self.findings if f.verdict != "dismissed" and certainty_rank(f.certainty) >= least]


class PerFile(NamedTuple):
    """`per-file-ignores`: rules that do not hold for files that a pattern means."""

    pattern: str
    rules: frozenset


def run(
    tool: str,
    paths: Sequence[str],
    rules: Sequence[str],
    exclude: Sequence[str] = (),
    per_file: Sequence[PerFile] = (),
    jobs: int = 0,
    progress: Optional[Callable[[int, int], None]] = None,
) -> Result:
    """Checks all files below the paths by the rules of these names."""
    began = time.monotonic()
    listed, problems = files.listed(paths, exclude)
    reports: List[FileReport] = []
    for report in workers.check(listed, rules, jobs):
        reports.append(report)
        if progress is not None:
            progress(len(reports), len(listed))
    reports.sort(key=lambda report: report.path)
    findings = _wanted((f for report in reports for f in report.findings), per_file)
    return Result(
        tool=tool,
        rules=list(rules),
        files=len(listed),
        lines=sum(report.lines for report in reports),
        seconds=time.monotonic() - began,
        findings=findings,
        suppressed=[f for report in reports for f in report.suppressed],
        problems=problems + [p for report in reports for p in report.problems],
        notes=[],
        hashes={report.path: report.sha256 for report in reports if report.findings},
    )


def _wanted(findings: Iterable[Finding], per_file: Sequence[PerFile]) -> List[Finding]:
    if not per_file:
        return list(findings)
    return [f for f in findings if not any(f.rule in p.rules and files.excluded(f.path, [p.pattern]) for p in per_file)]
