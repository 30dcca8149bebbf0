#!/usr/bin/env python3
"""How often the source join names the right line, and whether `compare` calls each fix a fix.

    leakbench_join.py CASES OUT [--compare 'python -m unleak compare']

CASES is a folder of LeakBench cases, OUT the folder that its `score --out` wrote. A case counts for the join when its
judge names a place in Python source, and a finding of its bad side has a holder or a cycle: the first such finding of
the expected kind is looked at. Its `sites.stored` are compared with the judge's places, in their order. `--compare`
also runs the comparison of each pair of documents.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Iterator

FIRST = 3
NO_STORE = ("lost-reference", "native-memory", "immortal-string")  # nothing in Python stores these: no edge to ask for
Row = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path, metavar="CASES")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--compare", metavar="COMMAND", help="also run this with both documents of each case")
    args = parser.parse_args()
    rows = [join_row(*pair) for pair in documents(args.cases, args.out, "bad")]
    judged = [r for r in rows if r["judged"]]
    for row in judged:
        print("%-34s %s  %s" % (row["name"], row["rank"] or "-", row["why"]))
    if judged:
        report("right line first", sum(r["rank"] == 1 for r in judged), len(judged))
        report("right line in the first %d" % FIRST, sum(0 < r["rank"] <= FIRST for r in judged), len(judged))
    if args.compare:
        proof_of_fix(args)
    return 0


def documents(cases: Path, out: Path, side: str) -> Iterator[tuple[Path, dict, Path]]:
    """(folder of the case, its table, path of the document) of every document of this side."""
    for folder in sorted(cases.iterdir()):
        if (folder / "case.toml").is_file():
            case = tomllib.loads((folder / "case.toml").read_text())
            for path in sorted(out.glob("%s-[0-9]*-%s.json" % (folder.name, side))):
                yield folder, case, path


def load(path: Path) -> dict:
    try:
        return json.loads(path.read_text())
    except ValueError:
        return {}


def join_row(folder: Path, case: dict, path: Path) -> Row:
    """Rank of the first right line of the finding that the case is about; 0 if none of its lines is right."""
    expect = case.get("expect", {})
    wanted = [want for want in expect.get("site", []) if set(want) & {"mark", "file", "function"}]
    python = [want for want in wanted if "mark" in want or "file" in want]
    finding = subject(load(path), expect, NO_STORE)
    row = {
        "name": path.stem,
        "judged": bool(python) and finding is not None and not case.get("kind"),
        "rank": 0,
        "why": "",
    }
    if not row["judged"]:
        return row
    code = (folder / "trigger.py").read_text()
    stored = (finding.get("sites") or {}).get("stored") or []
    for rank, place in enumerate(stored, 1):
        if any(fits(want, place, code) for want in python):
            row["rank"] = rank
            break
    first = stored[0] if stored else {}
    row["why"] = "%s; first: %s:%s %s" % (
        (finding.get("holder") or {}).get("text") or finding["kind"],
        Path(first.get("file", "none")).name,
        first.get("line", ""),
        first.get("text", ""),
    )
    return row


def subject(document: dict, expect: dict, without: tuple[str, ...]) -> dict | None:
    """The first sure finding of an expected kind; kinds `without` left out."""
    for finding in document.get("findings", []):
        named = any(re.search(kind, finding.get("kind", "")) for kind in expect.get("kind", [])) or not expect.get(
            "kind"
        )
        if named and finding.get("certainty") != "possible" and finding.get("kind") not in without:
            return finding
    return None


def fits(want: dict, place: dict, code: str) -> bool:
    """Whether one of the judge's places is this line: all that it names must fit."""
    file = place.get("file") or ""
    if "mark" in want:
        marked = [
            n
            for n, line in enumerate(code.splitlines(), 1)
            if re.search(r"#\s*MARK:\s*%s\b" % re.escape(want["mark"]), line)
        ]
        if Path(file).name != "trigger.py" or place.get("line") not in marked:
            return False
    if "line" in want and place.get("line") != want["line"]:
        return False
    return (
        all(re.search(want[key], place.get(key) or "") for key in ("file", "function") if key in want)
        and "library" not in want
    )


def proof_of_fix(args: argparse.Namespace) -> None:
    """Counts the cases whose finding (the one that the case is about) `compare` lists as fixed."""
    fixed = total = 0
    for _folder, case, bad in documents(args.cases, args.out, "bad"):
        finding = subject(load(bad), case.get("expect", {}), ())
        clean = clean_side(bad)
        if finding is None or clean is None:
            continue
        total += 1
        done = subprocess.run(
            [*shlex.split(args.compare), "--json", bad, clean], capture_output=True, text=True, check=False
        )
        result = json.loads(done.stdout) if done.returncode in (0, 1) else {}
        good = finding["id"] in {f["id"] for f in result.get("fixed", [])}
        fixed += good
        if not good:
            print(
                "%-34s not fixed: %s (after: %s) %s"
                % (bad.stem, finding["title"], result.get("after"), done.stderr.strip())
            )
    report("compare says fixed", fixed, total)


def clean_side(bad: Path) -> Path | None:
    """The document of the other side, which may be of another interpreter."""
    case = bad.name[: -len("-bad.json")].rpartition("-")[0]
    same = bad.with_name(bad.name.replace("-bad.json", "-clean.json"))
    found = [same, *sorted(bad.parent.glob("%s-[0-9]*-clean.json" % case))]
    return next((path for path in found if path.exists() and load(path)), None)


def report(what: str, count: int, total: int) -> None:
    print("%s: %d of %d (%.0f %%)" % (what, count, total, 100 * count / total if total else 0))


if __name__ == "__main__":
    raise SystemExit(main())
