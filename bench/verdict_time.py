#!/usr/bin/env python3
"""How long `unleak diagnose` takes to its verdict when it is left to decide itself (no --duration), and whether it is right.

    verdict_time.py [OUT...] [-- ARGUMENTS]

Each OUT is a folder that `./dev leakbench --diagnose-args '' --out OUT` or LeakBench's `score --diagnose-args '' --out OUT`
wrote. Without one the programs of tests/programs/leaks are scored that way first, by tests/leaks/bench.py with ARGUMENTS,
into build/verdict_time. The time of a program is that of the whole command, from its start to the printed document; of the
own programs it includes their start. Programs under `run` are not counted: their time is their own. Decided early is a
verdict that is no `inconclusive`, from looks over less than OPEN_S. Exit status 1 where a verdict on a leak took longer than
GOAL_S in the median, or one was decided early and wrong.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

ROOT = Path(__file__).resolve().parents[1]
GOAL_S = 30.0
OPEN_S = 20.0
"""Looks over so long a time are those of a diagnosis whose answer was open (python/unleak/cli/schedule.py)."""
Row = Dict[str, Any]


def rows_of(out: Path) -> Iterator[Row]:
    """One row a document: which side, how long, how many looks, what it said, whether that is right."""
    for row in json.loads((out / "results.json").read_text())["rows"]:
        for side in sides(row):
            yield from measured(out, side)


def sides(row: Row) -> List[Row]:
    """LeakBench keeps both sides in one row, the own bench one row a side."""
    if "side" in row:
        return [row]
    return [{"negative": row.get("negative"), **row[name]} for name in ("bad", "clean") if row.get(name)]


def measured(out: Path, row: Row) -> Iterator[Row]:
    path = out / ("%s-%s-%s.json" % (row["case"], row["python"], row["side"]))
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError):
        document = {}
    name = "%s %s %s" % (row["case"], row["python"], row["side"])
    if row.get("error") or not document:
        yield {"name": name, "error": row.get("error") or "no document"}
        return
    if document["target"].get("exit") is not None:
        return  # under `run`
    leaks = row["side"] == "bad" and not row.get("negative")
    looked = max([s["at_s"] for s in document["snapshots"]] or [0.0])
    yield {
        "name": name,
        "leaks": leaks,
        "seconds": float(row["seconds"]),
        "looked": looked,
        "looks": len(document["snapshots"]),
        "verdict": document["verdict"],
        "early": looked < OPEN_S and document["verdict"] != "inconclusive",
        "right": bool(row.get("found") if leaks else row.get("ok")),
        "wrong": bool(row.get("wrong_clean") or row.get("false_alarm")),
    }


def line(row: Row) -> str:
    if "error" in row:
        return "%-52s error: %s" % (row["name"], row["error"])
    said = "WRONG" if row["wrong"] else "right" if row["right"] else "not right"
    return "%-52s %6.1f s %3d looks in %5.1f s  %-12s %s" % (
        row["name"],
        row["seconds"],
        row["looks"],
        row["looked"],
        row["verdict"],
        said,
    )


def summary(label: str, rows: List[Row]) -> Tuple[str, float]:
    """What is said of one kind of program, and the median time."""
    times = sorted(row["seconds"] for row in rows)
    median = statistics.median(times)
    early = [row for row in rows if row["early"]]
    text = (
        "%s: %d documents; time to verdict median %.1f s, 90 %% within %.1f s, longest %.1f s; looks median %d; "
        "decided early %d (%.0f %%); right %d, wrong %d, of the early ones wrong %d"
        % (
            label,
            len(rows),
            median,
            times[max(0, -(-len(times) * 9 // 10) - 1)],
            times[-1],
            statistics.median(row["looks"] for row in rows),
            len(early),
            100 * len(early) / len(rows),
            sum(row["right"] for row in rows),
            sum(row["wrong"] for row in rows),
            sum(row["wrong"] for row in early),
        )
    )
    return text, median


def score_own(words: List[str]) -> Path:
    out = ROOT / "build" / "verdict_time"
    command = [
        sys.executable,
        str(ROOT / "tests" / "leaks" / "bench.py"),
        "--diagnose-args=",
        "--out",
        str(out),
        *words,
    ]
    subprocess.run(command, check=False, cwd=ROOT)
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="*", type=Path, metavar="OUT")
    words = sys.argv[1:]
    own = words.index("--") if "--" in words else len(words)
    outs = parser.parse_args(words[:own]).out or [score_own(words[own + 1 :])]
    rows = [row for out in outs for row in rows_of(out)]
    print("\n".join(map(line, rows)) + "\n")
    judged = [row for row in rows if "error" not in row]
    good = bool(judged) and len(judged) == len(rows)
    for label, leaks in (("leaks", True), ("no leaks", False)):
        chosen = [row for row in judged if row["leaks"] == leaks]
        if chosen:
            text, median = summary(label, chosen)
            print(text)
            good = good and not (leaks and median > GOAL_S) and not any(r["wrong"] and r["early"] for r in chosen)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
