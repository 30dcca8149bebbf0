"""Looks at busy targets over and over: is any of them harmed, does anything stay behind?

stress_capture.py [--count N] [--pythons 3.12,3.13t] [--kinds threads,hold] [--state FILE] [--probe PATH]

N walks in all (default 1000), spread evenly over interpreters and kinds of program; after each one the target has to go
on with right results. With --state the run can be broken off and taken up again. One line a pair, a summary at the end.
Exit status 1 if a target was harmed, a walk failed, or a process was left.
"""

import argparse
import collections
import json
import subprocess
import sys
from pathlib import Path
from typing import Counter, Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "capture_engine"))
import stress_support  # noqa: E402

import interpreters  # noqa: E402

KINDS = ["threads", "allocate", "coroutines", "collect", "hold", "children", "signals", "poll", "prefork", "subinterpreters", "arrays"]


def has_numpy(python: str) -> bool:
    found = subprocess.run([python, "-c", "import numpy"], stderr=subprocess.DEVNULL).returncode == 0
    if not found:
        print("%s has no numpy: no arrays with it" % python, flush=True)
    return found


def walk_pair(probe: Path, python: str, kind: str, count: int) -> Counter[str]:
    """`count` walks of one program under one interpreter."""
    seen: Counter[str] = collections.Counter()
    pauses: List[int] = []
    target = stress_support.BusyTarget(python, kind)
    try:
        for _ in range(count):
            before = target.beats()
            result = stress_support.run_probe(probe, target.pid)
            seen["walks"] += 1
            if result.ok:
                seen[result.facts["stop"]] += 1
                seen["retakes"] += int(result.facts["retakes"])
                for what in ("collecting", "bad", "dead", "broken", "faults", "hangs", "duplicates"):
                    seen["with " + what] += result.facts[what] != "0"
                pauses.append(int(result.facts["pause_us"]))
            else:
                seen["failed"] += 1
                print("  failed: %s" % result.text.strip()[:300], flush=True)
            harm = target.harm(before)
            if harm:
                seen["harmed"] += 1
                print("  HARMED: %s; %s" % (harm, target.story()), flush=True)
                target.close()
                target = stress_support.BusyTarget(python, kind)
        strays, zombies = target.children()
        seen["strays"] += len(strays)
        seen["zombies"] += 0 if kind in stress_support.WITH_CHILDREN else zombies
    finally:
        target.close()
    if pauses:
        pauses.sort()
        print("  pause us: min %d median %d max %d" % (pauses[0], pauses[len(pauses) // 2], pauses[-1]))
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--pythons", default="")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--state", type=Path)
    parser.add_argument("--probe", help="a capture_probe, or the folder to build it in (default build/stress)")
    options = parser.parse_args()
    wanted = options.pythons.split(",") if options.pythons else []
    pythons = [found for found in interpreters.interpreters() if not wanted or found.tag in wanted]
    kinds = options.kinds.split(",")
    if not pythons:
        print("no interpreter found", file=sys.stderr)
        return 2
    done: Dict[str, Dict[str, int]] = json.loads(options.state.read_text()) if options.state and options.state.exists() else {}
    probe = stress_support.build_probe(options.probe)
    pairs = [(python, kind) for python in pythons for kind in kinds if kind != "arrays" or has_numpy(python.exe)]
    for i, (python, kind) in enumerate(pairs):
        count = options.count * (i + 1) // len(pairs) - options.count * i // len(pairs)
        key = "%s %s" % (python.tag, kind)
        if key in done or not count:
            continue
        done[key] = dict(walk_pair(probe, python.exe, kind, count))
        print(key, {name: number for name, number in done[key].items() if number}, flush=True)
        if options.state:
            options.state.write_text(json.dumps(done))
    total: Counter[str] = collections.Counter()
    for counts in done.values():
        total.update(counts)
    print("all:", {name: number for name, number in total.items() if number})
    return 1 if total["harmed"] or total["failed"] or total["strays"] or total["zombies"] or not total["walks"] else 0


if __name__ == "__main__":
    sys.exit(main())
