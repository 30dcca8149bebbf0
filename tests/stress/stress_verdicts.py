"""Runs unleak on every program of tests/programs/verdicts and compares what it says with what the program states.

stress_verdicts.py [NAME...] [--jobs N] [--pythons 3.12,3.13] [--out DIR]

Exit status 1 where an answer is wrong. With --out each document is kept there.
"""

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import List, Tuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "diagnose"), str(HERE.parent)]
import interpreters  # noqa: E402
from verdicts import PROGRAMS, look_at, wrong  # noqa: E402


def judge(path: Path, found: interpreters.Interpreter, out: str) -> List[str]:
    """What is wrong with the answer on one program under one interpreter."""
    try:
        document = look_at(path, found.exe)
    except Exception as problem:  # one program that fails does not end the others
        return ["%s: %s" % (type(problem).__name__, str(problem).strip()[-400:])]
    if out:
        Path(out, "%s-%s.json" % (path.stem, found.tag)).write_text(json.dumps(document, indent=1))
    looked = document["snapshots"][-1]["at_s"] if document["snapshots"] else 0.0
    problems = wrong(path, document)
    print(
        "%-7s %-26s %-12s %5.1f s  %s"
        % (found.tag, path.stem, document["verdict"], looked, "ok" if not problems else "; ".join(problems)),
        flush=True,
    )
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--pythons", default="3.12")
    parser.add_argument("--out", default="")
    args = parser.parse_args()
    if args.out:
        Path(args.out).mkdir(parents=True, exist_ok=True)
    tags = args.pythons.split(",")
    work: List[Tuple[Path, interpreters.Interpreter]] = [
        (path, found)
        for found in interpreters.interpreters()
        for path in PROGRAMS
        if found.tag in tags and (not args.names or path.stem in args.names)
    ]
    with ThreadPoolExecutor(args.jobs) as pool:
        results = list(pool.map(lambda item: judge(*item, args.out), work))
    failed = sum(1 for problems in results if problems)
    print("%d of %d right" % (len(results) - failed, len(results)))
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
