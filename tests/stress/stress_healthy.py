"""Healthy programs of many kinds, looked at for minutes: unleak must not call any of them a leak.

stress_healthy.py [NAME...] [--seconds 120] [--python TAG] [--diagnose-args ARGS] [--long] [--out DIR] [--list]

Each program of tests/programs/healthy runs for --seconds, in a virtual environment that is made for this (pip, from
tests/programs/healthy/requirements.txt), and is diagnosed again and again from its start, warm-up included; with --long
once, over the whole time. A program whose docstring says `Garbage: WHAT` makes more than ten objects of cyclic garbage a
second by the interpreter's own count (gc.get_stats), and may be told so. Documents that raise an alarm stay in --out. Exit status 1 on a false alarm, or when a
program was harmed.
"""

import argparse
import collections
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Counter, Dict, List

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "leaks"), str(TESTS)]
import interpreters  # noqa: E402
from judging import Expect, judge_clean  # noqa: E402
from scoring import OWN, ROOT, harm_of  # noqa: E402
from targets import TargetFailed, start_target  # noqa: E402

FOLDER = TESTS / "programs" / "healthy"
HEALTHY = Expect(verdict=("clean", "not_a_leak"))
MAKES_GARBAGE = Expect(verdict=("clean", "not_a_leak", "garbage"), kind=("^class-churn$",))
START_S = 120.0
"""A loaded machine imports scientific packages slowly."""


def arguments(words: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="stress_healthy.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", nargs="*", help="programs (default: all)")
    parser.add_argument("--seconds", type=float, default=120.0, help="for each program (%(default)s)")
    parser.add_argument("--python", default="3.12", metavar="TAG", help="interpreter of the programs (%(default)s)")
    parser.add_argument("--unleak", default=OWN, metavar="CMD", help="the tool (this checkout's)")
    parser.add_argument("--diagnose-args", default="", metavar="ARGS", help="for each call, such as '--duration 10'")
    parser.add_argument("--long", action="store_true", help="one diagnosis over the whole time")
    parser.add_argument("--out", type=Path, default=Path("build/healthy"), help="folder for documents (%(default)s)")
    parser.add_argument("--list", action="store_true", help="print the programs")
    return parser.parse_args(words)


def environment_of(exe: str, tag: str) -> str:
    """The interpreter of a virtual environment with what the programs need; made once."""
    wanted = (FOLDER / "requirements.txt").read_bytes()
    cache = Path(os.environ.get("UNLEAK_HEALTHY") or Path.home() / ".cache" / "unleak" / "healthy")
    folder = cache / ("%s-%s" % (tag, hashlib.sha256(wanted).hexdigest()[:8]))
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        print("making %s" % folder, flush=True)
        subprocess.run([exe, "-m", "venv", "--clear", str(folder)], check=True)
        install = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--only-binary",
            ":all:",
        ]
        subprocess.run([*install, "-r", str(FOLDER / "requirements.txt")], check=True)
        ready.touch()
    return str(python)


def documents(pid: int, args: argparse.Namespace, name: str):
    """Diagnoses of the process until its time is over; an error of the tool is a document of its own."""
    until, number = time.monotonic() + args.seconds, 0
    env = {**os.environ, "PYTHONPATH": str(ROOT / "python")} if args.unleak == OWN else None
    words = ["--duration", "%d" % args.seconds] if args.long else args.diagnose_args.split()
    while time.monotonic() < until or not number:
        number += 1
        command = [*args.unleak.split(), "diagnose", str(pid), "--json", *words]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=args.seconds + 300)
        path = args.out / ("%s-%s-%d.json" % (name, args.python, number))
        path.write_text(done.stdout)
        try:
            yield path, json.loads(done.stdout)
        except ValueError:
            yield path, {"error": "status %d: %s" % (done.returncode, done.stderr.strip()[-300:])}


def watch(path: Path, exe: str, args: argparse.Namespace) -> Counter[str]:
    """One program for its time: what the documents said."""
    seen: Counter[str] = collections.Counter()
    expect = MAKES_GARBAGE if "\nGarbage: " in path.read_text() else HEALTHY
    with start_target(exe, path) as target:
        target.wait_ready(START_S)
        for where, document in documents(target.pid, args, path.stem):
            marks = {"error": document["error"]} if "error" in document else judge_clean(expect, document)
            seen["documents"] += 1
            seen["errors" if "error" in marks else "verdict " + document["verdict"]] += 1
            if marks.get("false_alarm"):
                seen["false alarms"] += 1
                print(
                    "  FALSE ALARM: %s (%s): %s" % ("; ".join(marks["alarms"]), where, first_title(document)),
                    flush=True,
                )
            elif "error" in marks:
                print("  error: %s" % marks["error"], flush=True)
            elif marks["ok"]:
                where.unlink()
        harm = harm_of(target)
    if harm:
        seen["harmed"] += 1
        print("  HARMED: %s" % harm, flush=True)
    return seen


def first_title(document: Dict[str, Any]) -> str:
    return next((f.get("title", "") for f in document["findings"]), document.get("summary", ""))


def watch_all(programs: List[Path], exe: str, args: argparse.Namespace) -> Counter[str]:
    total: Counter[str] = collections.Counter()
    for path in programs:
        try:
            seen = watch(path, exe, args)
        except (TargetFailed, subprocess.TimeoutExpired) as error:
            print("  error: %s" % error, flush=True)
            seen = collections.Counter({"errors": 1})
        total.update(seen)
        print("%-22s %s" % (path.stem, ", ".join("%s %d" % pair for pair in sorted(seen.items()))), flush=True)
    return total


def main(words: List[str]) -> int:
    args = arguments(words)
    programs = [path for path in sorted(FOLDER.glob("*.py")) if not args.name or path.stem in args.name]
    if args.list:
        print("\n".join(path.stem for path in programs))
        return 0
    python = next((i for i in interpreters.interpreters() if i.tag == args.python), None)
    if python is None or not programs:
        print("stress_healthy: %s" % ("no CPython %s here" % args.python if python is None else "no such program"))
        return 2
    args.out.mkdir(parents=True, exist_ok=True)
    total = watch_all(programs, environment_of(python.exe, args.python), args)
    print(
        "%d programs of %.0f s: %s"
        % (len(programs), args.seconds, ", ".join("%s %d" % p for p in sorted(total.items())))
    )
    return 1 if total["false alarms"] or total["harmed"] or total["errors"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
