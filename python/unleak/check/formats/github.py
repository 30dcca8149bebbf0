"""Workflow commands that GitHub shows as annotations beside the lines."""

from __future__ import annotations

from unleak.check.finding import Finding
from unleak.check.formats.text import summary
from unleak.check.result import Result

LEVELS = {"confirmed": "error", "probable": "warning", "possible": "notice"}


def render(result: Result) -> str:
    lines = [_finding(f) for f in result.findings if f.verdict != "dismissed"]
    for problem in result.problems:
        place = "file=%s,line=%d" % (_property(problem.path), max(problem.line, 1))
        lines.append("::notice %s,title=unleak::%s" % (place, _data(problem.message)))
    return "\n".join([*lines, summary(result)]) + "\n"


def _finding(finding: Finding) -> str:
    place = "file=%s,line=%d,endLine=%d,col=%d,endColumn=%d" % (
        _property(finding.path), finding.line, finding.end_line, finding.column, finding.end_column)  # fmt: skip
    title = _property("unleak: %s (%s)" % (finding.rule, finding.verdict or finding.certainty))
    text = finding.message + (". " + finding.grounds if finding.grounds else "")
    return "::%s %s,title=%s::%s" % (LEVELS[finding.certainty], place, title, _data(text))


def _data(text: str) -> str:
    """As the runner decodes it: percent, line ends; other control characters would only disturb the log."""
    text = "".join(c if c.isprintable() or c in "\r\n" else " " for c in text)
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
