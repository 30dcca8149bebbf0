"""Verdict documents (python/unleak/schema/verdict.schema.json): what they say, an empty one, several made one."""
from __future__ import annotations

from typing import Any, Dict, Iterable, List

from unleak.cli import errors

Document = Dict[str, Any]

NOT_LEAK_KINDS = {"filling-cache", "fragmentation", "warm-up"}
CERTAINTY = {"possible": 1, "probable": 2, "confirmed": 3}
# What several processes together are: what was found in one of them first; then that one of them could not be judged.
STRENGTH = ("leak", "garbage", "peak", "inconclusive", "not_a_leak", "clean")


def is_leak(finding: Document) -> bool:
    return finding.get("kind") not in NOT_LEAK_KINDS


def certainty(finding: Document) -> int:
    return CERTAINTY.get(finding.get("certainty", ""), 0)


def exit_status(document: Document, fail_on: str) -> int:
    """0 or 1 as --fail-on asks: findings of leak, garbage and peak kinds count, with at least that certainty."""
    if fail_on == "never":
        return errors.OK
    least = CERTAINTY.get(fail_on, CERTAINTY["possible"])
    if any(is_leak(f) and certainty(f) >= least for f in document.get("findings", [])):
        return errors.FOUND
    if fail_on == "inconclusive" and document.get("verdict") == "inconclusive":
        return errors.FOUND
    return errors.OK


def empty(tool: str, pid: int, summary: str, notes: Iterable[str] = ()) -> Document:
    """A document without a single look: nothing can be said, and why."""
    return {"schema": 1, "tool": tool, "signatures": 1,
            "target": {"pid": pid, "python": None, "free_threaded": None, "executable": None, "argv": None, "exit": None},
            "processes": [], "snapshots": [], "verdict": "inconclusive", "summary": summary, "findings": [],
            "uncovered": {"objects": 0, "bytes": 0}, "floor": {"objects_per_s": None, "bytes_per_s": None},
            "memory": None, "notes": list(notes)}


def merge(documents: List[Document]) -> Document:
    """Documents of several processes as one; findings with the same signature become one finding."""
    if len(documents) == 1:
        return documents[0]
    first = max(documents, key=lambda d: -STRENGTH.index(d["verdict"]))
    merged = {**first, "target": documents[0]["target"]}
    merged["processes"] = [p for d in documents for p in d.get("processes", [])]
    merged["snapshots"] = [s for d in documents for s in d.get("snapshots", [])]
    merged["findings"] = merge_findings([f for d in documents for f in d.get("findings", [])])
    merged["notes"] = _notes(documents)
    merged["uncovered"] = _sum(documents, "uncovered")
    merged["floor"] = _sum(documents, "floor")
    merged["memory"] = _memory([d["memory"] for d in documents if d.get("memory")])
    counts = [(v, sum(d["verdict"] == v for d in documents)) for v in STRENGTH]
    merged["summary"] = "%d processes: %s. %s" % (
        len(documents), ", ".join("%d %s" % (n, v.replace("_", " ")) for v, n in counts if n), first.get("summary", ""))
    return merged


def merge_findings(findings: List[Document]) -> List[Document]:
    """One finding a signature, of the surest and strongest process; pids and growth of all."""
    groups: Dict[str, List[Document]] = {}
    for finding in findings:
        groups.setdefault(finding["id"], []).append(finding)
    merged = [_merge_group(group) for group in groups.values()]
    return sorted(merged, key=lambda f: (is_leak(f), certainty(f), _rate(f)), reverse=True)


def _merge_group(group: List[Document]) -> Document:
    best = dict(max(group, key=lambda f: (certainty(f), _rate(f))))
    if len(group) == 1:
        return best
    best["pids"] = sorted({pid for f in group for pid in f.get("pids", [])})
    best["score"] = {**(best.get("score") or {}), "bytes_per_s": sum(map(_rate, group))}
    best["title"] = "%s (the most of %d processes)" % (best.get("title") or best["id"], len(best["pids"]))
    retained = [(f.get("evidence") or {}).get("retained") for f in group]
    if all(isinstance(r, int) for r in retained):
        best["evidence"] = {**best["evidence"], "retained": sum(retained)}
    best["growth"] = _growth([f.get("growth") or {} for f in group])
    what: Dict[str, Document] = {}
    for entry in (w for f in group for w in f.get("what", [])):
        known = what.setdefault(entry["type"], {**entry, "objects": 0, "bytes": 0})
        known["objects"] += entry.get("objects") or 0
        known["bytes"] += entry.get("bytes") or 0
    best["what"] = list(what.values())
    return best


def _growth(parts: List[Document]) -> Document:
    """Growth a second adds up. Series do only when they have the same number of looks; else the longest stays."""
    rates: Dict[str, float] = {}
    for part in parts:
        for key, value in (part.get("per_s") or {}).items():
            rates[key] = rates.get(key, 0) + (value or 0)
    result: Document = {}
    for key in ("objects", "bytes", "references"):
        series = [part.get(key) or [] for part in parts]
        same = len({len(s) for s in series}) == 1
        result[key] = [sum(column) for column in zip(*series)] if same else max(series, key=len)
    return {**result, "per_s": rates}


def _rate(finding: Document) -> float:
    return float((finding.get("score") or {}).get("bytes_per_s") or 0)


def _sum(documents: List[Document], key: str) -> Document:
    total: Document = {}
    for document in documents:
        for name, value in (document.get(key) or {}).items():
            total[name] = (total.get(name) or 0) + (value or 0)
    return total


def _memory(parts: List[Document]) -> Any:
    """Ledgers added up by line. Pages that processes share are counted in each of them, as RSS does."""
    if not parts:
        return None
    lines: Dict[str, int] = {}
    for entry in (e for part in parts for e in part.get("ledger") or []):
        lines[entry["what"]] = lines.get(entry["what"], 0) + (entry.get("bytes") or 0)
    return {"rss": sum(p.get("rss") or 0 for p in parts), "ledger": [{"what": w, "bytes": b} for w, b in lines.items()],
            "unexplained": sum(p.get("unexplained") or 0 for p in parts)}


def _notes(documents: List[Document]) -> List[str]:
    """Each note once, with the processes that it is of."""
    pids: Dict[str, List[Any]] = {}
    for document in documents:
        for note in document.get("notes", []):
            pids.setdefault(note, []).append((document.get("target") or {}).get("pid"))
    return ["pid %s: %s" % (", ".join(map(str, of)), note) if len(of) < 4 else "%d processes: %s" % (len(of), note)
            for note, of in pids.items()]
