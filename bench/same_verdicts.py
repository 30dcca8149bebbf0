#!/usr/bin/env python3
"""Whether the same program gets the same answer on every interpreter.

    same_verdicts.py [OUT...] [-- ARGUMENTS]

Each OUT is a folder that tests/leaks/bench.py or LeakBench's `score --all-pythons` wrote. Without one, programs of
tests/programs/leaks are scored on all interpreters first, into build/same_verdicts: TEN_WAYS, or what ARGUMENTS say, which
go to tests/leaks/bench.py. Of each program and side the verdict is compared, and on the leaking side whether the leak was
found and fully named, and the kind and the signature of the first finding. Exit status 1 where a verdict or a mark differs.
"""

from __future__ import annotations

import argparse
import collections
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

sys.path[:0] = [str(Path(__file__).resolve().parent)]
from verdict_time import ROOT, sides  # noqa: E402

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "leaks")]
from programs import TEN_WAYS  # noqa: E402

Row = Dict[str, Any]
MARKS = ("verdict", "found", "full", "kind", "signature")
MUST = ("verdict", "found")
"""What has to be the same; of the others a difference is printed."""


def answers_in(out: Path) -> Dict[Tuple[str, str], Dict[str, Row]]:
    """By program and side: the answer on each interpreter."""
    found: Dict[Tuple[str, str], Dict[str, Row]] = collections.defaultdict(dict)
    for row in json.loads((out / "results.json").read_text())["rows"]:
        for side in sides(row):
            path = out / ("%s-%s-%s.json" % (side["case"], side["python"], side["side"]))
            found[side["case"], side["side"]][side["python"]] = answer(side, path)
    return found


def answer(row: Row, path: Path) -> Row:
    if row.get("error"):
        return {"verdict": "error: %s" % row["error"]}
    document = json.loads(path.read_text())
    if row["side"] != "bad":
        return {"verdict": "ok" if row.get("ok") else document["verdict"]}
    first: Row = next((f for f in document["findings"] if f["certainty"] != "possible"), {})
    return {
        "verdict": document["verdict"],
        "found": bool(row.get("found")),
        "full": bool(row.get("full")),
        "kind": first.get("kind"),
        "signature": first.get("id"),
    }


def differences(by_python: Dict[str, Row]) -> Dict[str, Dict[Any, List[str]]]:
    """Of each mark that is not the same everywhere: which interpreters say what."""
    result = {}
    for mark in MARKS:
        said: Dict[Any, List[str]] = collections.defaultdict(list)
        for python, row in by_python.items():
            said[row.get(mark)].append(python)
        if len(said) > 1:
            result[mark] = dict(said)
    return result


def score_own(words: List[str]) -> Path:
    out = ROOT / "build" / "same_verdicts"
    command = [sys.executable, str(ROOT / "tests" / "leaks" / "bench.py"), "--python", "all", "--out", str(out), *words]
    subprocess.run(command, check=False, cwd=ROOT)
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="*", type=Path, metavar="OUT")
    words = sys.argv[1:]
    own = words.index("--") if "--" in words else len(words)
    outs = parser.parse_args(words[:own]).out or [score_own(words[own + 1 :] or list(TEN_WAYS))]
    programs = same = documents = 0
    wrong = False
    signatures = [0, 0]
    for out in outs:
        for (case, side), by_python in sorted(answers_in(out).items()):
            programs += 1
            documents += len(by_python)
            different = differences(by_python)
            same += not set(different) & set(MUST)
            wrong = wrong or bool(set(different) & set(MUST))
            if side == "bad" and len(by_python) > 1:
                signatures[0] += "signature" not in different
                signatures[1] += 1
            for mark, said in different.items():
                text = "; ".join("%s on %s" % (value, ", ".join(pythons)) for value, pythons in said.items())
                print("%-30s %-6s %-9s %s" % (case, side, mark, text))
    print(
        "%d of %d programs and sides got the same verdict on every interpreter (%d documents); "
        "first signature the same for %d of %d leaks" % (same, programs, documents, *signatures)
    )
    return 1 if wrong or not programs else 0


if __name__ == "__main__":
    sys.exit(main())
