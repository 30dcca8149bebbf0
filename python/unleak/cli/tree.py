"""A process and its descendants (--children) as one document: a table of them, and one verdict for all.

A forked worker begins with all that its parent has. What it still shares with it, what it made itself and what it gave
back is told from the last looks at both; what of its memory the kernel holds once for several processes, from its pages.
"""
from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from unleak.cli import errors, proc
from unleak.cli.document import STRENGTH, Document, merge
from unleak.cli.schedule import LOOKS
from unleak.cli.watch import Subject

Member = Tuple[Subject, Document]


def document_of(members: List[Member]) -> Document:
    """The documents of the processes of a tree, the first its root, as one. Sessions are still open."""
    rows = [_row(member, members) for member in members]
    merged = merge([document for _, document in members])
    merged["processes"] = rows
    if len(members) > 1:
        merged["verdict"], reason = verdict(rows)
        merged["summary"] = "%s. %s" % (_counts(rows), reason or _summary(merged, members))
        merged["notes"] = merged["notes"] + _not_judged(rows, merged["verdict"])
    return merged


def _row(member: Member, members: List[Member]) -> Dict[str, Any]:
    subject, document = member
    last = (document.get("snapshots") or [{}])[-1]
    root = members[0][0]
    born = None if subject.started is None or root.started is None else round(subject.started - root.started, 2)
    return {**(document.get("processes") or [{"pid": subject.pid}])[0], "ppid": subject.ppid, "role": _role(subject, members),
            "started_s": born, "ended": not proc.alive(subject.pid), "late": subject.late, "looks": subject.looks,
            "verdict": document["verdict"], "objects": last.get("objects"), "bytes": last.get("bytes"), "rss": last.get("rss"),
            "bytes_per_s": _slope(document.get("snapshots") or []), "memory": subject.memory,
            "inherited": _inherited(subject, members)}


def _role(subject: Subject, members: List[Member]) -> str:
    """`worker 2 of 4` for one that was forked, `child 1 of 1` for one that was started, by age among those of one parent."""
    if subject.ppid not in [s.pid for s, _ in members] and any(s.ppid == subject.pid for s, _ in members):
        return "parent"
    if len(members) == 1:
        return ""
    siblings = [s for s, _ in members if s.ppid == subject.ppid]
    forked = parent_of(subject, members) is not None
    return "%s %d of %d" % ("worker" if forked else "child", siblings.index(subject) + 1, len(siblings))


def parent_of(subject: Subject, members: List[Member]) -> Optional[Subject]:
    """The member that this one was forked from, None where there is none or it has executed another program since."""
    for candidate, _ in members:
        if candidate.pid == subject.ppid and candidate.stack_start and candidate.stack_start == subject.stack_start:
            return candidate
    return None


def _inherited(subject: Subject, members: List[Member]) -> Optional[Dict[str, Any]]:
    parent = parent_of(subject, members)
    if parent is None or not parent.looks or not subject.looks:
        return None
    try:
        return parent.session.inherited(subject.session)
    except errors.Failure:
        return None     # a last look that could not be folded


def _slope(snapshots: List[Dict[str, Any]]) -> Optional[float]:
    """Bytes of live objects that came a second, from the first look to the last."""
    if len(snapshots) < 2 or snapshots[-1]["at_s"] <= snapshots[0]["at_s"]:
        return None
    return round((snapshots[-1]["bytes"] - snapshots[0]["bytes"]) / (snapshots[-1]["at_s"] - snapshots[0]["at_s"]), 1)


def verdict(rows: List[Dict[str, Any]]) -> Tuple[str, str]:
    """Of the tree: the strongest that is true of a process. One that could not be judged leaves the tree open, unless it did
    nothing while others worked, or came or went too soon while a sibling, which runs the same code, was judged. And why it
    is open, "" for a reason of a process's own."""
    said = [row["verdict"] for row in rows]
    strongest = next(v for v in STRENGTH if v in said)
    if strongest != "inconclusive":
        return strongest, ""
    judged = [row for row in rows if row["verdict"] != "inconclusive"]
    unexcused = [row for row in rows if row["verdict"] == "inconclusive" and not _excused(row, judged)]
    if judged and not unexcused:
        return next(v for v in STRENGTH if v in [row["verdict"] for row in judged]), ""
    brief = [row for row in unexcused if _brief(row)]
    if len(brief) == len(unexcused):
        return "inconclusive", "%d of them came or went too soon to be judged, and no process like them stayed: look longer " \
            "(--duration)" % len(brief)
    few = [row for row in unexcused if row["looks"] < LOOKS]
    if len(few) == len(unexcused):
        return "inconclusive", "there was time for fewer than %d looks at %d of them: look longer (--duration)" % (LOOKS, len(few))
    return "inconclusive", ""


def _brief(row: Dict[str, Any]) -> bool:
    """It was not there all the time."""
    return row["looks"] < LOOKS and bool(row["ended"] or row["late"])


def _excused(row: Dict[str, Any], judged: List[Dict[str, Any]]) -> bool:
    if _brief(row):
        return any(other["ppid"] == row["ppid"] and other["role"] != "parent" for other in judged)
    return not row.get("active", True) and any(other.get("active") for other in judged)


def _counts(rows: List[Dict[str, Any]]) -> str:
    said = [row["verdict"] for row in rows]
    return "%d processes: %s" % (
        len(rows), ", ".join("%d %s" % (said.count(v), v.replace("_", " ")) for v in STRENGTH if v in said))


def _summary(merged: Document, members: List[Member]) -> str:
    """The sentence of the process that decided; how many have its finding."""
    own = next((d["summary"] for _, d in members if d["verdict"] == merged["verdict"]), "")
    having = len((merged["findings"] or [{}])[0].get("pids") or [])
    return "%s (in %d of them)" % (own, having) if having > 1 and merged["verdict"] in ("leak", "garbage", "peak") else own


def _not_judged(rows: List[Dict[str, Any]], said: str) -> List[str]:
    """What the verdict is silent about."""
    left = [row for row in rows if row["verdict"] == "inconclusive"]
    if said == "inconclusive" or not left:
        return []
    idle = [row["pid"] for row in left if not row.get("active", True) and row["looks"] >= LOOKS]
    brief = [row["pid"] for row in left if _brief(row)]
    few = [row["pid"] for row in left if row["looks"] < LOOKS and not _brief(row)]
    notes = []
    if idle:
        notes.append("did nothing while looked at, so nothing is said of them: pid %s" % _listed(idle))
    if brief:
        notes.append("came or went too soon to be judged; others like them were: pid %s" % _listed(brief))
    if few:
        notes.append("looked at fewer than %d times, which is too little to judge them: pid %s" % (LOOKS, _listed(few)))
    return notes


def _listed(pids: List[int]) -> str:
    return ", ".join(map(str, pids[:8])) + (" and %d more" % (len(pids) - 8) if len(pids) > 8 else "")
