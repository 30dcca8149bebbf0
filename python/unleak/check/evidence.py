"""What a running program showed, asked of each finding: confirmed, dismissed, not exercised, or not decided.

Confirmed: a document has a finding of a fitting kind whose line or holder is the static finding's. Dismissed: a document
explains the growth there as one that stops. Not exercised: no code of the file was loaded in any snapshot. All else
stays undecided: what was not seen is not thereby harmless.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any, Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from unleak.check import registry
from unleak.check.finding import Finding
from unleak.check.result import Result

LARGEST = 256 << 20
STOPS = {"filling-cache", "warm-up"}
_STEPS = re.compile(r"[^.\[\]{}*]+")
Document = Dict[str, Any]


class Evidence(NamedTuple):
    """One document, and what its snapshots tell beyond it, where they are at hand."""

    name: str  # the file, or files, for a person
    document: Document
    loaded: Optional[FrozenSet[str]] = None  # files of all code objects; None: not known
    main_file: str = ""


class Unusable(Exception):
    """A file that is no evidence, and why."""


def read(path: str) -> Optional[Evidence]:
    """A verdict document; None for a file that is none, which may be a snapshot."""
    try:
        with open(path, "rb") as file:
            if file.read(1) not in (b"{", b" ", b"\n"):
                return None
            file.seek(0)
            document = json.loads(file.read(LARGEST))
    except OSError as problem:
        raise Unusable("cannot read %s: %s" % (path, problem.strerror)) from None
    except ValueError as problem:
        raise Unusable("%s is not a JSON document: %s" % (path, problem)) from None
    except RecursionError:
        raise Unusable("%s is nested too deeply" % path) from None
    if not isinstance(document, dict) or document.get("schema") != 1 or not isinstance(document.get("findings"), list):
        raise Unusable("%s is not a verdict document of schema 1" % path)
    return Evidence(path, document)


def judge(result: Result, evidence: Sequence[Evidence]) -> Result:
    """The result with a verdict for each finding that the evidence decides; confirmed ones first."""
    judged = [_judged(finding, evidence) for finding in result.findings]
    order = {"confirmed": 0, "": 1, "not exercised": 2, "dismissed": 3}
    judged.sort(key=lambda f: (order[f.verdict], f.path, f.line, f.column))
    return result._replace(findings=judged)


def _judged(finding: Finding, evidence: Sequence[Evidence]) -> Finding:
    rule = registry.all_rules().get(finding.rule)
    if rule is None:
        return finding
    dismissed = ""
    for source in evidence:
        for seen in _findings(source.document):
            if not _same_place(finding, seen) and not _same_holder(finding, seen, source.main_file):
                continue
            grounds = "%s: %s" % (source.name, seen.get("title") or seen.get("kind"))
            kind = str(seen.get("kind"))
            if kind in rule.facts.kinds and kind not in STOPS:
                return finding._replace(certainty="confirmed", verdict="confirmed", grounds=grounds)
            dismissed = grounds if kind in STOPS else dismissed
    if dismissed:
        return finding._replace(verdict="dismissed", grounds=dismissed)
    return _undecided(finding, evidence)


def _undecided(finding: Finding, evidence: Sequence[Evidence]) -> Finding:
    known = [source for source in evidence if source.loaded is not None]
    if not known:
        return finding
    if any(same_file(finding.path, path) for source in known for path in source.loaded or ()):
        text = "not decided: this file was loaded in %s, and no finding of the run is about this place" % known[0].name
        return finding._replace(grounds=text)
    names = ", ".join(source.name for source in known)
    return finding._replace(verdict="not exercised", grounds="no code of this file was loaded in %s" % names)


def _findings(document: Document) -> Iterator[Document]:
    return (f for f in document["findings"] if isinstance(f, dict))


def _same_place(finding: Finding, seen: Document) -> bool:
    for place in _places(seen):
        if not same_file(finding.path, str(place.get("file") or "")):
            continue
        line, text = place.get("line"), place.get("text")
        if isinstance(line, int) and (finding.line <= line <= finding.end_line or line in finding.places):
            return True
        if isinstance(text, str) and finding.code and " ".join(text.split()) == " ".join(finding.code.split()):
            return True
    return False


def _places(seen: Document) -> Iterator[Document]:
    """All places that a finding of a run names, except where its objects were allocated."""
    candidates = _list(_part(seen, "sites"), "stored")
    candidates += [edge.get("at") for edge in _list(_part(seen, "cycle"), "edges") if isinstance(edge, dict)]
    candidates += [_part(seen, "peak").get("source"), _part(seen, "remedy").get("at")]
    return (place for place in candidates if isinstance(place, dict))


def _part(seen: Document, key: str) -> Document:
    """A part of a document that may be null, or, in a file that others wrote, anything."""
    value = seen.get(key)
    return value if isinstance(value, dict) else {}


def _list(part: Document, key: str) -> List[Any]:
    value = part.get(key)
    return list(value) if isinstance(value, list) else []


def _same_holder(finding: Finding, seen: Document, main_file: str) -> bool:
    """Whether the way to what grows goes through the finding's subject, in a module that is the finding's file."""
    wanted = tuple(_STEPS.findall(finding.subject))
    holder = _part(seen, "holder")
    steps = tuple(_STEPS.findall(str(holder.get("text") or "")))
    if not wanted or not any(steps[at : at + len(wanted)] == wanted for at in range(1, len(steps))):
        return False
    return _is_module(finding.path, str(holder.get("root") or ""), len(wanted), main_file)


def _is_module(path: str, root: str, length: int, main_file: str) -> bool:
    """`module app.cache` is app/cache.py or app/cache/__init__.py. __main__ is the main file; where that is not
    known, a subject of one name alone is too little."""
    module = root[len("module ") :] if root.startswith("module ") else ""
    if module == "__main__":
        return same_file(path, main_file) if main_file else length > 1
    parts = os.path.splitext(os.path.abspath(path))[0].split(os.sep)
    if parts[-1] == "__init__":
        parts.pop()
    names = module.split(".")
    return bool(module) and parts[-len(names) :] == names


def same_file(here: str, there: str) -> bool:
    """Whether a path of a run is this file: the same path, or, for a program that ran elsewhere, the same last two
    names."""
    if not there:
        return False
    if os.path.exists(there) and os.path.exists(here):
        return os.path.realpath(here) == os.path.realpath(there)
    return _tail(os.path.abspath(here)) == _tail(there)


def _tail(path: str) -> Tuple[str, ...]:
    return tuple(path.replace("\\", "/").split("/")[-2:])
