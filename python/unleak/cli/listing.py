"""Tables for the commands that look around in a snapshot, from the core's JSON: `{"rows": [{...}, ...], ...}`."""
from __future__ import annotations

from typing import Any, Dict, List

from unleak.cli import text

WIDEST = 40
FIRST = ("type", "holder", "address", "example", "objects", "bytes", "size", "length")      # what a person looks for
BELOW = ("held_by", "text", "root")
SIZES = {"bytes", "size", "retained", "retained_bytes", "shallow", "own", "delta_bytes", "drags_bytes", "frees"}


def listing(result: Dict[str, Any]) -> str:
    """Facts on lines of their own, then each list of rows as a table."""
    lines = ["%s: %s" % (key.replace("_", " "), cell(key, value)) for key, value in result.items()
             if not isinstance(value, (list, dict)) and value is not None and not (key.endswith("left_out") and value == 0)]
    for key, value in result.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines += ([] if key == "rows" else ["", key.replace("_", " ") + ":"]) + rows(value)
    return "\n".join(lines or ["nothing"]) + "\n"


def rows(entries: List[Dict[str, Any]]) -> List[str]:
    """A table of what is short; what holds a row, or the way to it, on the lines below it."""
    keys = [k for k in entries[0] if k not in BELOW and not any(isinstance(e.get(k), (list, dict)) for e in entries)]
    keys.sort(key=lambda k: FIRST.index(k) if k in FIRST else len(FIRST))
    numeric = [all(isinstance(e.get(k), (int, float)) and not isinstance(e.get(k), bool) for e in entries) for k in keys]
    lines = text.table([[cell(k, e.get(k)) for k in keys] for e in entries], [k.replace("_", " ") for k in keys], numeric)
    result = lines[:1] if keys else []
    for at, entry in enumerate(entries):
        result += lines[at + 1:at + 2] if keys else []
        way = next((entry[k] for k in ("path", "edges", "chain") if entry.get(k)), None)
        if way:
            root = [text.printable(entry["root"])] if entry.get("root") else []
            result += text.row("", " → ".join(root + [step(s) for s in way]), column=6)
        elif entry.get("held_by") or entry.get("text"):
            result += text.row("", text.printable(entry.get("held_by") or entry["text"]), column=6)
    return result


def step(value: Any) -> str:
    """One step of a path ({"edge", "type"}) or one edge of a cycle ({"from", "edge", "to"})."""
    if not isinstance(value, dict):
        return text.printable(value)
    if "from" in value:
        return text.printable("%s%s" % (value["from"], value.get("edge") or ""))
    kind = text.printable(value.get("type") or "")
    return "%s%s" % (text.printable(value.get("edge") or "?"), " (%s)" % kind if kind else "")


def cell(key: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        if key in SIZES:
            return text.size(value)
        return text.number(value) if isinstance(value, int) else "%.3g" % value
    shown = text.printable(value)
    return shown if len(shown) <= WIDEST else shown[:WIDEST - 3] + "..."
