"""What an audit of reference counts costs beside the look that it is made of.

Starts a heap of 340 MiB with 5.4 million objects and takes, in turn, looks with `unleak-capture snapshot` and audits with
`unleak audit`: the whole commands, with all processes that they start and the walk in the clone (for both that of the
looks). Prints the median CPU time and wall time of both and their ratio (goal: 2, by CPU time). bench/README.md says what is what.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import List, NamedTuple, Tuple

from capture_bench import ROOT, Target, interpreters

MOST = 2.0
FOUND = (0, 1, 2)  # exit statuses of an audit that was made: nothing, something, cannot say


class Cost(NamedTuple):
    """What a command and its children took, in milliseconds, and what it printed."""

    cpu: float
    wall: float
    printed: str


def cost(command: List[str], good: Tuple[int, ...]) -> Cost:
    """Runs a command. The clone is a child of the target, so its time is not in this."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    before, started = os.times(), time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    wall, after = time.monotonic() - started, os.times()
    if done.returncode not in good:
        raise SystemExit("%s ended with status %d: %s" % (" ".join(command), done.returncode, done.stderr))
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(cpu * 1e3, wall * 1e3, done.stdout)


def measure(pid: int, rounds: int, folder: str) -> bool:
    """Prints the row of one target; True if the goal is met."""
    look = [str(ROOT / "python/unleak/_native/unleak-capture"), "snapshot", str(pid), "-o", folder + "/look"]
    audit = [sys.executable, "-m", "unleak", "audit", str(pid), "--json"]
    looks, audits = [], []
    for _ in range(rounds):
        looks.append(cost(look, (0,)))
        audits.append(cost(audit, FOUND))
    clone = statistics.median(json.loads(one.printed)["clone_cpu_ms"] for one in looks)
    look_cpu, audit_cpu = (clone + statistics.median(one.cpu for one in rows) for rows in (looks, audits))
    look_wall, audit_wall = (statistics.median(one.wall for one in rows) for rows in (looks, audits))
    ratios = audit_cpu / look_cpu, audit_wall / look_wall
    print("%9.0f %9.0f %7.2f   %9.0f %9.0f %7.2f" % (look_cpu, audit_cpu, ratios[0], look_wall, audit_wall, ratios[1]))
    return ratios[0] <= MOST


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default="3.12,3.13", help="tags of the interpreters (default: %(default)s)")
    parser.add_argument("--groups", type=int, default=385_000, help="size of the heap (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="looks and audits of each target (default: %(default)s)")
    arguments = parser.parse_args()
    chosen = [one for one in interpreters() if one.tag in arguments.python.split(",")]
    if not chosen:
        parser.error("no interpreter of %s is here: ./dev pythons" % arguments.python)
    print("load average %.1f" % os.getloadavg()[0])
    print("python  look CPU audit CPU   ratio   look wall     audit   ratio   (milliseconds)")
    good = []
    with tempfile.TemporaryDirectory(prefix="unleak-bench-") as folder:
        for interpreter in chosen:
            with Target(interpreter, arguments.groups) as pid:
                print("%-6s" % interpreter.tag, end="", flush=True)
                good.append(measure(pid, arguments.rounds, folder))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
