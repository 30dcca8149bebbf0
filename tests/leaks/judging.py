"""Judges a verdict document against what a program is known to do.

A bad program has an `Expect` with the parts that are judged: kind, what, holder, site, remedy. The rules:

found        the verdict is one of those expected, and one finding of certainty confirmed or probable has at least two of
             kind, what, holder and site right (all of them, where fewer are judged)
full         found, and all judged parts are right in one finding that is the first or second of the document
wrong clean  the verdict says clean or not_a_leak, and that is not expected
false alarm  of a fixed twin or a healthy program: a verdict of leak, garbage or peak that is not allowed, or a sure
             finding of a leak kind
clean ok     the verdict is one of those allowed, and no false alarm (inconclusive is neither)

Of a finding only its first three types, the first three places of each list, and its one holder count. A place that is
known by its library alone counts for found, not for full.
"""

import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Dict, Iterable, List, Optional, Tuple

Document = Dict[str, Any]
Marks = Dict[str, Any]

PARTS = ("kind", "what", "holder", "site", "remedy")
NAMING = ("kind", "what", "holder", "site")
"""The parts of which two make a leak found: a remedy names nothing."""

VERDICTS = frozenset("leak garbage peak not_a_leak clean inconclusive".split())
ALARMS = frozenset(("leak", "garbage", "peak"))
CERTAINTIES = frozenset(("confirmed", "probable", "possible"))
HARMLESS_KINDS = frozenset(("filling-cache", "fragmentation", "warm-up"))
KINDS = HARMLESS_KINDS | frozenset(
    "growing-container unbounded-cache listener reference-cycle uncollectable-cycle weakref-misuse lost-reference "
    "native-memory bulk-read pinned-frame unfinished-task context class-churn immortal-string".split()
)
ACTIONS = frozenset(
    "del weakref break-cycle stream bound remove-entry unregister close cancel clear-traceback hoist upgrade fix-native "
    "trim none".split()
)
COUNTED = 3
"""So many types, and places of a list, are looked at."""
LAST_PLACE = 2
"""A full answer is among so many first findings."""


@dataclass(frozen=True)
class Site:
    """A place in code; all that is given must fit one place. `lines` belong to the file named `program`."""

    program: str = ""
    lines: Tuple[int, ...] = ()
    function: str = ""
    file: str = ""
    library: str = ""
    line: Optional[int] = None

    def fits(self, place: Dict[str, Any]) -> bool:
        if self.lines and not (
            PurePath(place.get("file") or "").name == self.program and place.get("line") in self.lines
        ):
            return False
        if self.line is not None and place.get("line") != self.line:
            return False
        patterns = ((self.function, "function"), (self.file, "file"), (self.library, "library"))
        return all(re.search(pattern, place.get(key) or "") for pattern, key in patterns if pattern)

    @property
    def library_only(self) -> bool:
        return bool(self.library) and not (self.lines or self.function or self.file or self.line is not None)


@dataclass(frozen=True)
class Expect:
    """What a document should say. Patterns are regular expressions that are searched for; empty: not judged."""

    verdict: Tuple[str, ...]
    kind: Tuple[str, ...] = ()
    what: Tuple[str, ...] = ()
    holder: Tuple[str, ...] = ()
    site: Tuple[Site, ...] = field(default=())
    remedy: Tuple[str, ...] = ()

    def judged(self) -> List[str]:
        return [part for part in PARTS if getattr(self, part)]


def problem_of(document: Any) -> Optional[str]:
    """None, or why this is no verdict document of schema 1."""
    if not isinstance(document, dict) or document.get("schema") != 1:
        return "not a document of schema 1"
    if document.get("verdict") not in VERDICTS:
        return "verdict %r is not of the schema" % (document.get("verdict"),)
    findings = document.get("findings")
    if not isinstance(findings, list) or not all(isinstance(f, dict) for f in findings):
        return "findings is not a list of objects"
    for number, finding in enumerate(findings, 1):
        action = (finding.get("remedy") or {}).get("action")
        checks = (
            ("kind", finding.get("kind"), KINDS),
            ("certainty", finding.get("certainty"), CERTAINTIES),
            ("remedy", "none" if action is None else action, ACTIONS),
        )
        for name, value, known in checks:
            if value not in known:
                return "finding %d: %s %r is not of the schema" % (number, name, value)
    return None


def judge_bad(expect: Expect, document: Any) -> Marks:
    """The marks of a program that leaks; {"error": why} where the document cannot be judged."""
    return _judged(_judge_bad, expect, document)


def judge_clean(expect: Expect, document: Any) -> Marks:
    """The marks of a fixed twin or a healthy program; kinds that `expect` names are excused."""
    return _judged(_judge_clean, expect, document)


def _judged(rules: Any, expect: Expect, document: Any) -> Marks:
    try:
        problem = problem_of(document)
        return {"error": problem} if problem else rules(expect, document)
    except (AttributeError, KeyError, TypeError) as error:
        return {"error": "not a document of schema 1: %s" % error}


@dataclass(frozen=True)
class _Answer:
    """One finding beside what was expected."""

    place: int
    right: Dict[str, bool]
    names_it: bool
    complete: bool

    @property
    def rank(self) -> Tuple[bool, int, int]:
        return self.names_it, sum(self.right.values()), -self.place


def _judge_bad(expect: Expect, document: Document) -> Marks:
    verdict_right = document["verdict"] in expect.verdict
    answers = [_answer(expect, place, finding) for place, finding in enumerate(document["findings"], 1)]
    best = max(answers, key=lambda answer: answer.rank, default=None)
    full = any(a.names_it and a.complete and a.place <= LAST_PLACE for a in answers)
    marks: Marks = {part: False for part in expect.judged()}
    marks.update(best.right if best else {})
    marks["verdict"] = verdict_right
    marks["found"] = verdict_right and best is not None and best.names_it
    marks["full"] = verdict_right and full
    marks["place"] = best.place if best else None
    marks["wrong_clean"] = not verdict_right and document["verdict"] in ("clean", "not_a_leak")
    return marks


def _answer(expect: Expect, place: int, finding: Dict[str, Any]) -> _Answer:
    holder = finding.get("holder") or {}
    held = [holder.get("text"), holder.get("root"), *(step.get("type") for step in holder.get("path") or [])]
    types = [entry.get("type") for entry in (finding.get("what") or [])[:COUNTED]]
    hits = [site for site in expect.site for seen in _places(finding) if site.fits(seen)]
    right = {
        "kind": _any_match(expect.kind, [finding.get("kind")]),
        "what": _any_match(expect.what, types),
        "holder": _any_match(expect.holder, held),
        "site": bool(hits),
        "remedy": _any_match(expect.remedy, [(finding.get("remedy") or {}).get("action")]),
    }
    right = {part: right[part] for part in expect.judged()}
    asked = [part for part in NAMING if part in right]
    sure = finding["certainty"] != "possible"
    names_it = sure and sum(right[part] for part in asked) >= min(2, len(asked))
    placed = not expect.site or any(not site.library_only for site in hits)
    return _Answer(place, right, names_it, placed and all(right.values()))


def _places(finding: Dict[str, Any]) -> List[Dict[str, Any]]:
    sites = finding.get("sites") or {}
    places = [place for key in ("allocated", "stored", "suspect") for place in (sites.get(key) or [])[:COUNTED]]
    at = (finding.get("remedy") or {}).get("at")
    return places + ([at] if at else [])


def _judge_clean(expect: Expect, document: Document) -> Marks:
    alarms = []
    if document["verdict"] in ALARMS - set(expect.verdict):
        alarms.append("verdict %s" % document["verdict"])
    excused = HARMLESS_KINDS | ({"reference-cycle"} if "garbage" in expect.verdict else set())
    for number, finding in enumerate(document["findings"], 1):
        known = finding["kind"] in excused or _any_match(expect.kind, [finding["kind"]])
        if finding["certainty"] != "possible" and not known and "leak" not in expect.verdict:
            alarms.append("finding %d: %s %s" % (number, finding["certainty"], finding["kind"]))
    return {
        "ok": document["verdict"] in expect.verdict and not alarms,
        "false_alarm": bool(alarms),
        "alarms": alarms,
    }


def _any_match(patterns: Iterable[str], texts: Iterable[Any]) -> bool:
    wanted = [text for text in texts if isinstance(text, str)]
    return any(re.search(pattern, text) for pattern in patterns for text in wanted)
