"""How much of the resident memory the ledger explains, and what it costs.

Looks at a web service, a program of 16 threads that allocate all the time, a numpy and pandas program (with
`--numpy PYTHON`, an interpreter that has them; else where this one has them) and a heap of 340 MiB, and prints for each the
resident memory, the share that is explained (goal: 97 %), and the median CPU time of a look with and without the ledger
(goal on the big heap: 15 % more). bench/README.md says what is what.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List, Optional

ROOT = Path(__file__).resolve().parent.parent
LEAST, MOST_COST = 0.97, 0.15


def capture(pid: int, *options: str) -> dict:
    """What unleak-capture prints of a look."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            str(ROOT / "python/unleak/_native/unleak-capture"),
            "snapshot",
            str(pid),
            "-o",
            folder + "/look",
            *options,
        ]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout)


def memory(pid: int) -> dict:
    """The document of `unleak memory`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    command = [sys.executable, "-m", "unleak", "memory", str(pid), "--json"]
    return json.loads(
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=300).stdout
    )


def measure(name: str, command: List[str], looks: int) -> bool:
    """Prints a row; True if the goals are met."""
    target = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert target.stdout is not None and target.stdout.readline(), "the target ended at once"
        found = memory(target.pid)
        costs = {}
        for option in ("--no-ledger", ""):
            facts = [capture(target.pid, *([option] if option else [])) for _ in range(looks)]
            costs[option] = (
                statistics.median(f["cpu_ms"] for f in facts),
                statistics.median(f["pause_ms"] for f in facts),
            )
    finally:
        target.kill()
        target.wait()
    without, with_ledger = costs["--no-ledger"], costs[""]
    share = with_ledger[0] / without[0] - 1
    print(
        "%-12s %8.1f MiB %8.2f %% explained   look %7.0f ms CPU, %+5.1f %% by the ledger   pause %6.2f ms, without %6.2f ms"
        % (
            name,
            found["rss"] / 2**20,
            100 * found["explained"],
            with_ledger[0],
            100 * share,
            with_ledger[1],
            without[1],
        ),
        flush=True,
    )
    return found["explained"] >= LEAST and (name != "heap" or share < MOST_COST)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="the interpreter of the targets")
    parser.add_argument("--numpy", help="an interpreter that has numpy and pandas")
    parser.add_argument("--looks", type=int, default=5)
    args = parser.parse_args()
    print("load average %.1f" % os.getloadavg()[0], flush=True)
    programs = ROOT / "tests" / "memory"
    good = [
        measure("service", [args.python, str(programs / "service_target.py")], args.looks),
        measure("threads", [args.python, str(programs / "threads_target.py")], args.looks),
        measure("heap", [args.python, str(ROOT / "bench/targets/heap_target.py"), "385000"], args.looks),
    ]
    frames: Optional[str] = args.numpy or args.python
    if subprocess.run([frames, "-c", "import numpy, pandas"], capture_output=True).returncode == 0:
        good.append(measure("frames", [frames, str(programs / "frames_target.py")], args.looks))
    else:
        print("frames       skipped: %s has no numpy and pandas (--numpy names one that has)" % frames)
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
