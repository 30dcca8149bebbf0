"""The same leak has the same signature: programs of tests/programs/leaks, each started again and again, on several Pythons.

stress_signatures.py [NAME...] [--restarts 5] [--pythons 3.10,3.12,3.14] [--duration 12]

All processes of a program run and are looked at at the same time; each sure finding must have its signature in all of
them. Between the restarts lines are put before the program's first, as an edit would. Without names: the ten programs of
TEN_WAYS, which leak in ten ways. Exit status 1 where a signature differs.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List, Set

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "leaks"), str(TESTS)]
import interpreters  # noqa: E402
from programs import FOLDER, TEN_WAYS  # noqa: E402
from targets import start_target  # noqa: E402

ROOT = TESTS.parent


def arguments(words: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--restarts", type=int, default=5)
    parser.add_argument("--pythons", default="3.10,3.12,3.14")
    parser.add_argument("--duration", default="12")
    return parser.parse_args(words)


def diagnose(pids: List[int], duration: str) -> Dict[str, Any]:
    """The documents of all these processes, merged: a finding's `pids` are those with its signature."""
    env = {**{k: v for k, v in os.environ.items() if not k.startswith("UNLEAK_")}, "PYTHONPATH": str(ROOT / "python")}
    words = ["diagnose", *map(str, pids), "--json", "--all", "--duration", duration]
    done = subprocess.run(
        [sys.executable, "-m", "unleak", *words], env=env, capture_output=True, text=True, timeout=300
    )
    if done.returncode not in (0, 1):
        raise SystemExit("unleak diagnose: %s" % done.stderr.strip())
    return json.loads(done.stdout)


def watch(name: str, pythons: List[interpreters.Interpreter], args: argparse.Namespace) -> List[str]:
    """What differs between the processes of one program; [] when nothing does."""
    source = FOLDER / (name + ".py")
    with ExitStack() as stack:
        targets = {}
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for number in range(args.restarts):
            path = folder / str(number) / source.name
            path.parent.mkdir()
            shutil.copy(source, path)
            path.write_text("# an edit moves every line\n" * number + path.read_text())
            for python in pythons:
                target = stack.enter_context(start_target(python.exe, path, env={"PYTHONDONTWRITEBYTECODE": "1"}))
                targets[target.pid] = (target, "%s restart %d" % (python.tag, number))
        for target, _ in targets.values():
            target.wait_ready()
        document = diagnose(list(targets), args.duration)
    return compare(document, {pid: where for pid, (_, where) in targets.items()})


def compare(document: Dict[str, Any], where: Dict[int, str]) -> List[str]:
    pids: Dict[str, Set[int]] = {}
    sure: Dict[str, str] = {}  # of how certain each process is, its load decides
    for finding in document["findings"]:
        pids.setdefault(finding["id"], set()).update(finding["pids"])
        if finding["certainty"] != "possible":
            sure[finding["id"]] = finding["title"]
    wrong = [] if sure else ["no sure finding: %s" % document["summary"]]
    for signature, title in sure.items():
        if pids[signature] != set(where):
            some = [where[pid] for pid in sorted(pids[signature])]
            wrong.append("%s (%s) only in %d of %d: %s" % (signature, title, len(some), len(where), ", ".join(some)))
    return wrong


def main(words: List[str]) -> int:
    args = arguments(words)
    pythons = [i for i in interpreters.interpreters() if i.tag in args.pythons.split(",")]
    failed = 0
    for name in args.names or TEN_WAYS:
        wrong = watch(name, pythons, args)
        failed += bool(wrong)
        print(
            "%-28s %d processes: %s" % (name, args.restarts * len(pythons), "; ".join(wrong) or "the same"), flush=True
        )
    print(
        "%d of %d programs with the same signatures"
        % (len(args.names or TEN_WAYS) - failed, len(args.names or TEN_WAYS))
    )
    return 1 if failed or not pythons else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
