"""The text form of a verdict document, from the document alone: what a person reads first."""
from __future__ import annotations

import json
import re
import statistics
import textwrap
from typing import Any, Dict, List, Optional

from unleak.cli.document import Document, is_leak
from unleak.cli.text import WIDTH, number, printable, row, seconds, size, table

GARBAGE_KINDS = {"reference-cycle"}
PEAK_KINDS = {"bulk-read"}
COLORS = {"LEAK": "1;31", "GARBAGE": "1;33", "PEAK": "1;33", "NOT A LEAK": "1;32", "CLEAN": "1;32", "INCONCLUSIVE": "1;35"}
QUESTION = re.compile(r"^[a-z]+\d+\.[a-z]+\d*: ")
LIBRARY = re.compile(r"[^\s(]*/(site-packages|dist-packages|lib/python3\.\d+t?)/(?=\S)")     # a package says where a file is
ORIGINS = {"bytecode": "(from the byte code: no source)", "snapshot": "(takes part; no line is known)"}
DOUBTS = {"probable": "(probably this line)", "possible": "(perhaps this line)"}
"""Of a line that samples of running threads name, unless it was read where the interpreter keeps it."""
CODE_COLUMN = 15
MOST_TYPES, MOST_PLACES, MOST_NOTES, MOST_ROWS = 4, 3, 6, 16


def render(document: Document, color: bool = False, folder: str = "") -> str:
    """The whole document as text of at most WIDTH columns (labels coloured when asked). Files below `folder` are named
    as seen from there."""
    lines = header(document) + [""]
    findings = document.get("findings") or []
    if folder.rstrip("/"):
        below = json.dumps(folder.rstrip("/") + "/")[1:-1]
        text = json.dumps(findings)
        for head in ("--- a", "+++ b"):  # of a patch, which starts its paths with a folder of its own
            text = text.replace(head + below, head + "/")
        findings = json.loads(text.replace(below, ""))
    if not any(is_leak(f) and f.get("certainty") != "possible" for f in findings):
        lines += _verdict_line(document, color) + [""]
    for finding in findings:
        lines += _finding(finding, color) + [""]
    lines += _processes(document.get("processes") or [])
    lines += _memory(document.get("memory"))
    lines += _notes(document)
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines) + "\n"


def header(document: Document) -> List[str]:
    """Tool, process, Python, role, and how it was looked at."""
    target = document.get("target") or {}
    processes = document.get("processes") or []
    parts = [printable(document.get("tool", "unleak"))]
    if len(processes) > 1:
        parts.append("%d processes" % len(processes))
    elif target.get("pid"):
        parts.append("pid %s" % target["pid"])
    if target.get("python"):
        threaded = " free-threaded" if target.get("free_threaded") else ""
        parts.append("python %s%s" % (printable(target["python"]), threaded))
    if len(processes) == 1 and processes[0].get("role"):
        parts.append(printable(processes[0]["role"]))
    if target.get("exit") is not None:
        parts.append(_exit(target["exit"]))
    looks = _looks(document.get("snapshots") or [])
    return _join(parts + ([looks] if looks else []))


def _join(parts: List[str]) -> List[str]:
    """Parts with three spaces between them, on as few lines as they fit on."""
    lines, line = [], ""
    for part in parts:
        if line and len(line) + 3 + len(part) > WIDTH:
            lines.append(line)
            line = "  " + part
        else:
            line = line + "   " + part if line else part
    return lines + textwrap.wrap(line, WIDTH, subsequent_indent="  ")


def _exit(status: int) -> str:
    return "ended by signal %d" % -status if status < 0 else "exit status %d" % status


def _looks(snapshots: List[Dict[str, Any]]) -> str:
    if not snapshots:
        return ""
    times = [s.get("at_s") or 0.0 for s in snapshots]
    text = "%d look%s" % (len(snapshots), "" if len(snapshots) == 1 else "s")
    if len(snapshots) > 1:
        text += " in " + seconds(max(times) - min(times))
    pauses = [s["pause_ms"] for s in snapshots if s.get("pause_ms")]
    if pauses:
        text += ", paused %d x %s ms" % (len(pauses), _short(statistics.median(pauses)))
    explained = [s["completeness"] for s in snapshots if s.get("completeness") is not None]
    if explained:
        # Rounded down: 100 % is said only when nothing is missing.
        text += ", %.1f %% of references explained" % (int(min(explained) * 1000) / 10)
    return text


def _short(value: float) -> str:
    return "%.1f" % value if value < 10 else "%.0f" % value


def _verdict_line(document: Document, color: bool) -> List[str]:
    label = str(document.get("verdict", "inconclusive")).upper().replace("_", " ")
    return _paint(row(label, printable(document.get("summary") or ""), indent=0, column=max(7, len(label) + 2)), label, color)


def _label(finding: Document) -> str:
    if not is_leak(finding):
        return "NOT A LEAK"
    if finding.get("kind") in GARBAGE_KINDS:
        return "GARBAGE"
    return "PEAK" if finding.get("kind") in PEAK_KINDS else "LEAK"


def _finding(finding: Document, color: bool) -> List[str]:
    label = _label(finding)
    title = row(label, printable(finding.get("title") or finding.get("kind")), printable(finding.get("certainty", "")),
                indent=0, column=max(7, len(label) + 2))
    lines = _paint(title, label, color)
    for part in (_what, _held, _cycle, _sites, _bound, _peak, _why, _remedy, _pids):
        lines += part(finding)
    return lines


def _paint(lines: List[str], label: str, color: bool) -> List[str]:
    if color and lines and lines[0].startswith(label):
        lines[0] = "\x1b[%sm%s\x1b[0m%s" % (COLORS.get(label, "1"), label, lines[0][len(label):])
    return lines


def _what(finding: Document) -> List[str]:
    types = finding.get("what") or []
    named = [printable(w["type"]) + (" " + number(w["objects"]) if w.get("objects") else "") for w in types[:MOST_TYPES]]
    if len(types) > MOST_TYPES:
        named.append("%d more types" % (len(types) - MOST_TYPES))
    grown = _grown(finding)
    if not named:
        return row("what", grown) if grown else []
    each = " in each" if (finding.get("cycle") or {}).get("instances", 0) > 1 else ""
    return row("what", " · ".join(named) + each, grown)


def _grown(finding: Document) -> str:
    """`1.4 MiB since the first look, 21.9 MiB in all`, as far as it is known."""
    series = (finding.get("growth") or {}).get("bytes") or []
    if len(series) > 1 and series[-1] > series[0]:
        return "%s since the first look, %s in all" % (size(series[-1] - series[0]), size(series[-1]))
    retained = (finding.get("evidence") or {}).get("retained")
    grown = sum(w.get("bytes") or 0 for w in finding.get("what") or [])
    return "%s since the first look, %s in all" % (size(grown), size(retained)) if retained and grown else ""


def _held(finding: Document) -> List[str]:
    holder = finding.get("holder")
    if not holder:
        return []
    steps = [printable(holder.get("root") or "")] if holder.get("root") else []
    path = holder.get("path") or []
    entries = (finding.get("evidence") or {}).get("entries") or [None]
    counted = path
    if len(path) > 1 and path[-1].get("edge", "").startswith("[") and path[-1].get("type") != _container(finding):
        counted = path[:-1]  # the way ends at an element
    for at, step in enumerate(path):
        # How many entries there are is known of the container that grows, the last of the path.
        known = step.get("entries", entries[-1] if at == len(counted) - 1 else None)
        steps.append(_step({**step, "entries": known}, at == len(path) - 1))
    text = " → ".join(steps) or printable(holder.get("text") or "")
    return row("held by", text)


def _container(finding: Document) -> Optional[str]:
    """The type of the container that grows."""
    return (finding.get("evidence") or {}).get("container")


def _step(step: Dict[str, Any], last: bool) -> str:
    edge, kind = printable(step.get("edge") or "?"), printable(step.get("type") or "")
    edge = (edge[1:] if edge.startswith(".") else edge).strip()
    if last and edge.startswith("[") and step.get("entries") is None:
        return "%s → %s" % (edge, kind.rpartition(".")[2]) if kind else edge
    if not kind:
        return edge
    entries = step.get("entries")
    inner = kind if entries is None else "%s, %s entries" % (kind, number(entries))
    return "%s (%s)" % (edge, inner)


def _cycle(finding: Document) -> List[str]:
    cycle = finding.get("cycle")
    if not cycle:
        return []
    edges = cycle.get("edges") or []
    text = " → ".join("%s%s" % (printable(e.get("from") or "?"), printable(e.get("edge") or "")) for e in edges)
    if edges:
        text += " → " + printable(edges[-1].get("to") or "?")
    facts = []
    if cycle.get("instances"):
        facts.append("%s instances" % number(cycle["instances"]))
    if cycle.get("drags_bytes"):
        facts.append("each keeps %s" % size(cycle["drags_bytes"]))
    lines = row("cycle", text or printable(cycle.get("opaque") or ""), ", ".join(facts))
    for place, edge in enumerate(edges):
        if edge.get("at"):
            cut = "   ← cut here" if cycle.get("cut") == place else ""
            lines += row("edge %d" % (place + 1), _place(edge["at"]) + cut)
    return lines


def _sites(finding: Document) -> List[str]:
    sites = finding.get("sites") or {}
    lines: List[str] = []
    for key, label in (("stored", "stored"), ("allocated", "made"), ("suspect", "suspect")):
        for count, place in enumerate((sites.get(key) or [])[:MOST_PLACES]):
            lines += _place_rows(label if count == 0 else "", place)
    return lines


def _place_rows(label: str, place: Dict[str, Any]) -> List[str]:
    """A place on one line, or with its code on a line of its own where that is too long for one."""
    extra = ORIGINS.get(place.get("from") or "", "") or DOUBTS.get(place.get("certainty") or "", "")
    one = row(label, _place(place), extra)
    if len(one) == 1 or not place.get("text"):
        return one
    code = printable(place["text"]).strip()
    room = WIDTH - CODE_COLUMN
    code = code if len(code) <= room else code[: room - 3] + "..."
    return row(label, _place({**place, "text": ""}), extra) + [" " * CODE_COLUMN + code]


def _place(place: Dict[str, Any]) -> str:
    """`shop/sessions.py:57  in remember     ACTIVE[token] = session`"""
    where = printable(LIBRARY.sub("", place.get("file") or place.get("library") or "?"))
    if place.get("line"):
        where += ":%d" % place["line"]
    parts = [where]
    if place.get("function"):
        parts.append("in " + printable(place["function"]))
    if place.get("text"):
        parts.append("   " + printable(place["text"]).strip())
    return "  ".join(parts)


def _bound(finding: Document) -> List[str]:
    bound = finding.get("bound")
    if not bound or bound.get("value") is None:
        return []
    text = "%s entries" % number(bound["value"])
    if bound.get("read_from"):
        text += ", read from " + printable(bound["read_from"])
    if bound.get("full_in_s") is not None:
        text += "; full in " + seconds(bound["full_in_s"])
    return row("bound", text)


def _peak(finding: Document) -> List[str]:
    peak = finding.get("peak")
    if not peak:
        return []
    text = size(peak.get("bytes") or 0) + " held at once"
    if peak.get("before") is not None:
        text += ", %s resident before" % size(peak["before"])
    if peak.get("source"):
        text += ", read from a %s" % printable(peak["source"])
    return row("peak", text, "at " + seconds(peak["at_s"]) if peak.get("at_s") is not None else "")


def _why(finding: Document) -> List[str]:
    evidence = finding.get("evidence") or {}
    why = evidence.get("why") or _measured(evidence)
    if isinstance(why, list):
        why = "; ".join(map(str, why))
    return row("why", printable(why)) if why else []


def _measured(evidence: Dict[str, Any]) -> List[str]:
    """What was measured, in words, where the document says no more."""
    parts = []
    for key, noun in (("entries", "entries"), ("instances", "instances")):
        series, times = evidence.get(key) or [], evidence.get("at_s") or []
        if len(series) > 1 and len(times) == len(series):
            always = ", more at every look" if all(a < b for a, b in zip(series, series[1:])) else ""
            parts.append("%s, then %s %s %s later%s" % (
                number(series[0]), number(series[-1]), noun, seconds(times[-1] - times[0]), always))
    sizes, times = evidence.get("sizes") or [], evidence.get("at_s") or []
    if len(sizes) > 1 and len(times) == len(sizes):
        parts.append("%s, then %s %s later" % (size(sizes[0]), size(sizes[-1]), seconds(times[-1] - times[0])))
    elif parts and evidence.get("survival") is not None:
        parts.append("%.0f %% of those of the first look are still there" % (100 * evidence["survival"]))
    if parts and evidence.get("taken_out") is False:
        parts.append("no line takes entries out")
    if evidence.get("garbage_objects_per_s"):
        parts.append("%s objects of garbage a second" % number(evidence["garbage_objects_per_s"]))
        if evidence.get("threshold"):
            parts.append("the collector runs after %s new objects" % number(evidence["threshold"]))
    if evidence.get("native_references"):
        types = ", ".join(printable(t) for t in evidence["native_references"][:MOST_TYPES])
        parts.append("references to %s that no object shows come in step: their native memory (a suspended stack, a container of C++) may keep them" % types)
    if evidence.get("high_water_bytes"):
        parts.append("the process needed %s at its height" % size(evidence["high_water_bytes"]))
    return parts


def _remedy(finding: Document) -> List[str]:
    remedy = finding.get("remedy")
    if not remedy or remedy.get("action") in (None, "none") and not remedy.get("text"):
        return []
    text = printable(LIBRARY.sub("", remedy.get("text") or remedy.get("action")))
    if remedy.get("at") and remedy["at"].get("file"):
        where = _place({"file": remedy["at"]["file"], "line": remedy["at"].get("line")})
        if where not in text:
            text += " (%s)" % where
    if remedy.get("frees"):
        text += "; cutting this edge frees " + size(remedy["frees"])
    lines = row("remedy", text)
    if remedy.get("kept_by"):
        lines += row("", "kept alive then by " + printable(remedy["kept_by"]))
    return lines + _patch(remedy.get("patch"))


def _patch(patch: Optional[str]) -> List[str]:
    """A change as a diff, its lines as they are: a person reads it or gives it to `patch`."""
    if not patch:
        return []
    label = row("patch", "")[0]
    return [(label if k == 0 else " " * len(label)).ljust(11) + printable(line) for k, line in enumerate(patch.split("\n"))]


def _pids(finding: Document) -> List[str]:
    pids = finding.get("pids") or []
    return row("pids", ", ".join(map(str, pids))) if len(pids) > 1 else []


def _memory(memory: Optional[Dict[str, Any]]) -> List[str]:
    if not memory or not memory.get("rss"):
        return []
    parts = ["%s %s" % (size(e.get("bytes") or 0), printable(e["what"])) for e in memory.get("ledger") or [] if e.get("bytes")]
    if memory.get("unexplained"):
        parts.append("%s unexplained" % size(memory["unexplained"]))
    text = "%s resident" % size(memory["rss"]) + (": " + " · ".join(parts) if parts else "")
    return row("MEMORY", text, indent=0, column=8)


def _processes(processes: List[Document]) -> List[str]:
    """One line a process of a tree: what it shares with its parent, what it made itself, what came while it was looked at."""
    if len(processes) < 2 or "looks" not in processes[0]:
        return []
    rows = []
    for process in processes[:MOST_ROWS]:
        memory, inherited = process.get("memory") or {}, process.get("inherited") or {}
        added, rate = inherited.get("added"), process.get("bytes_per_s")
        state = " ended" if process.get("ended") else " new" if process.get("late") else ""
        rows.append([str(process["pid"]), printable(process.get("role") or "").partition(" of ")[0] + state, number(process["looks"]),
                     str(process["verdict"]).replace("_", " "), size(memory["private"]) if memory else "",
                     size(memory["shared"]) if memory else "", number(inherited["shared"]["objects"]) if added else "",
                     number(added["objects"]) if added else "", "" if rate is None else size(rate)])
    head = ["PID", "role", "looks", "verdict", "own", "shared", "inherited", "made", "a second"]
    lines = ["PROCESSES  own, shared: resident memory; inherited, made: objects from before and since the fork"]
    lines += ["  " + line for line in table(rows, head, [True, False, True, False] + [True] * 5)]
    if len(processes) > MOST_ROWS:
        lines.append("  and %d more (--json has them)" % (len(processes) - MOST_ROWS))
    types = _made(processes)
    return lines + (row("made", types) if types else []) + [""]


def _made(processes: List[Document]) -> str:
    """What the workers have made since their fork, by type, the most bytes first."""
    total: Dict[str, List[int]] = {}
    for process in processes:
        for entry in ((process.get("inherited") or {}).get("added") or {}).get("types") or []:
            known = total.setdefault(entry["type"], [0, 0])
            known[0] += entry["objects"]
            known[1] += entry["bytes"]
    most = sorted(total.items(), key=lambda pair: -pair[1][1])[:MOST_TYPES]
    return " · ".join("%s %s (%s)" % (printable(name), number(count), size(held)) for name, (count, held) in most)


def _notes(document: Document) -> List[str]:
    """What was judged how finely, what is left over, and what the document itself notes."""
    notes = []
    floor, rest = document.get("floor") or {}, document.get("uncovered") or {}
    if document.get("verdict") == "clean" and floor.get("bytes_per_s") is not None:
        notes.append("nothing grew faster than %s objects or %s a second" % (
            _short(floor.get("objects_per_s") or 0), size(floor["bytes_per_s"])))
    if rest.get("bytes") or rest.get("objects"):
        notes.append("%s in %s objects grew beside what is told here (--all tells more)" % (
            size(rest.get("bytes") or 0), number(rest.get("objects") or 0)))
    # Notes on a question begin with its name, which says nothing to a person.
    notes += [printable(QUESTION.sub("", note)) for note in document.get("notes") or []]
    if len(notes) > MOST_NOTES:
        notes[MOST_NOTES:] = ["%d more notes (--json has them)" % (len(notes) - MOST_NOTES)]
    lines: List[str] = []
    for note in notes:
        lines += row("" if lines else "NOTES", note, indent=0, column=8)
    return lines
