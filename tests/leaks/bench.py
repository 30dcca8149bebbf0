"""Scores unleak on the programs of tests/programs/leaks and prints the table.

bench.py [CASE...] [--python TAGS|all] [--jobs N] [--sides bad,fixed] [--out DIR] [--diagnose-args ARGS] [--list]

Each case runs twice, the program that leaks and its fixed twin; documents and results.json go to --out. A program under
`run` comes to its end, the others are looked at while they go on. Exit status 0 if every leak is fully named, every
twin is clean, and nothing was harmed.
"""

import argparse
import concurrent.futures
import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]
import interpreters  # noqa: E402
from judging import PARTS  # noqa: E402
from programs import Case, Program, load_cases  # noqa: E402
from scoring import OWN, Options, score  # noqa: E402

Row = Dict[str, Any]
DEFAULT_PYTHON = "3.12"
WIDTH = 7 * (2 + len(PARTS)) - 1
"""Of the columns of a program that leaks."""


def arguments(words: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev leakbench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("case", nargs="*", help="names of cases (default: all)")
    parser.add_argument(
        "--python", default=DEFAULT_PYTHON, metavar="TAGS", help="such as 3.9,3.13t, or all (%(default)s)"
    )
    parser.add_argument("--jobs", type=int, default=1, help="so many programs at a time (%(default)s)")
    parser.add_argument("--sides", default="bad,fixed", help="bad, fixed or both (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("build/leakbench"), help="folder for documents (%(default)s)")
    parser.add_argument("--unleak", default=OWN, metavar="CMD", help="the tool (this checkout's)")
    parser.add_argument("--diagnose-args", default="--duration 10", metavar="ARGS", help="(%(default)s)")
    parser.add_argument("--run-args", default="", metavar="ARGS")
    parser.add_argument("--list", action="store_true", help="print the cases and what is true of them")
    return parser.parse_args(words)


def work_of(cases: List[Case], pythons: List[interpreters.Interpreter], sides: List[str]) -> List[Tuple[Program, Any]]:
    programs = [p for case in cases for p in (case.bad, case.fixed) if ("fixed" if p.fixed else "bad") in sides]
    return [(program, python) for python in pythons for program in programs if program.runs_on(python.tag)]


def one_line(row: Row) -> str:
    marks = [name for name in ("found", "full", "ok", "false_alarm", "wrong_clean") if row.get(name)]
    text = row.get("error") or " ".join(marks) or "missed (%s)" % row.get("says")
    return "%-28s %-5s %-5s %s" % (row["case"], row["python"], row["side"], text)


def totals_of(rows: List[Row]) -> Dict[str, Any]:
    bad = [row for row in rows if row["side"] == "bad"]
    fixed = [row for row in rows if row["side"] == "fixed"]
    totals: Dict[str, Any] = {"leaks": len(bad), "fixed": len(fixed)}
    for key, among in (("found", bad), ("full", bad), ("wrong_clean", bad), ("ok", fixed), ("false_alarm", fixed)):
        totals[key] = sum(bool(row.get(key)) for row in among)
    for key in ("error", "harmed"):
        totals[key] = sum(key in row for row in rows)
    for part in PARTS:
        judged = [row[part] for row in bad if part in row]
        totals[part] = [sum(judged), len(judged)]
    return totals


def table(rows: List[Row], totals: Dict[str, Any]) -> str:
    head = (
        "%-28s %-6s" % ("case", "python") + "".join(" %-6s" % name for name in ("found", *PARTS, "full")) + " | fixed"
    )
    pairs: Dict[Tuple[str, str], Dict[str, Row]] = {}
    for row in rows:
        pairs.setdefault((row["case"], row["python"]), {})[row["side"]] = row
    lines = [head, "-" * len(head)]
    for (case, python), sides in pairs.items():
        lines.append(
            "%-28s %-6s %s | %s" % (case, python, _bad_text(sides.get("bad")), _fixed_text(sides.get("fixed")))
        )
    parts = ", ".join("%s %d of %d" % (part, *totals[part]) for part in PARTS)
    lines += [
        "",
        "found %d, full %d, of %d leaks; %s" % (totals["found"], totals["full"], totals["leaks"], parts),
        "clean ok %d of %d fixed twins; false alarms %d, wrong clean %d, errors %d (programs harmed %d)"
        % tuple(totals[key] for key in ("ok", "fixed", "false_alarm", "wrong_clean", "error", "harmed")),
    ]
    return "\n".join(lines)


def _bad_text(row: "Row | None") -> str:
    if row is None:
        return " " * WIDTH
    if "error" in row:
        return "%-*s" % (WIDTH, ("ERROR " + row["error"])[:WIDTH])
    signs = {True: "yes", False: "NO", None: "."}
    return " ".join("%-6s" % signs[row.get(name)] for name in ("found", *PARTS, "full"))[:WIDTH]


def _fixed_text(row: "Row | None") -> str:
    if row is None:
        return "."
    if "error" in row:
        return "ERROR " + row["error"][:60]
    return "ok" if row["ok"] else "FALSE ALARM: %s" % "; ".join(row["alarms"]) if row["alarms"] else row["says"]


def print_cases(cases: List[Case]) -> None:
    for case in cases:
        expect = case.bad.expect
        print(
            "%-28s %-9s %-8s %s" % (case.name, case.bad.command, "|".join(expect.verdict), "".join(expect.kind)[4:-2])
        )
    print("%d cases" % len(cases))


def main(words: List[str]) -> int:
    args = arguments(words)
    cases = load_cases()
    unknown = set(args.case) - {case.name for case in cases}
    there = [i for i in interpreters.interpreters() if args.python == "all" or i.tag in args.python.split(",")]
    if unknown or not there:
        print(
            "bench: %s" % ("no such case: %s" % ", ".join(sorted(unknown)) if unknown else "no such interpreter here")
        )
        return 2
    cases = [case for case in cases if not args.case or case.name in args.case]
    if args.list:
        print_cases(cases)
        return 0
    args.out.mkdir(parents=True, exist_ok=True)
    options = Options(args.out.resolve(), args.unleak, args.diagnose_args, args.run_args)
    rows = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        work = work_of(cases, there, args.sides.split(","))
        for row in pool.map(lambda pair: score(*pair, options), work):
            rows.append(row)
            print(one_line(row), file=sys.stderr, flush=True)
    totals = totals_of(rows)
    (args.out / "results.json").write_text(json.dumps({"totals": totals, "rows": rows}, indent=1) + "\n")
    print(table(rows, totals))
    right = totals["full"] == totals["leaks"] and totals["ok"] == totals["fixed"]
    return 0 if right and not totals["error"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
