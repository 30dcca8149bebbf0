"""Looks at busy targets over and over: is any of them harmed, does anything stay behind?

stress_capture.py [--count N] [--whole N] [--pythons 3.12,3.13t] [--kinds threads,hold] [--seed TEXT]
                  [--state FILE] [--probe PATH] [--tool PATH]

N looks in all (default 1000), spread evenly over interpreters and kinds of program; after each one the target has to go
on with right results, and no thread of it may stand still. Most are walks by the probe; every --whole'th (default 4) is a
whole look by unleak-capture, with the ledger, orphans and native roots, written to a file. With --state the run can be
broken off and taken up again, also with a newer build: each part says its commit and its seed. One line a part, a summary at
the end. Exit status 1 if a target was harmed, a walk failed, or a process was left.
"""

import argparse
import collections
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Counter, Dict, List, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "capture_engine"))
import stress_support  # noqa: E402

import interpreters  # noqa: E402

TOOL = stress_support.REPOSITORY / "python" / "unleak" / "_native" / "unleak-capture"
KINDS = ["threads", "allocate", "coroutines", "collect", "hold", "children", "signals", "poll", "prefork", "subinterpreters", "arrays"]

MOMENT_S = 0.02
"""Before each look a part of it passes, so that looks come at all points of the programs' loops."""

SHORT_WAIT_MS = "100"
"""For a safe point in the probe's walks: with the default of a second, looks at programs that hold the GIL take that long."""


def commit() -> str:
    """The commit that is looked at with, "" outside of a checkout."""
    command = ["git", "-C", str(stress_support.REPOSITORY), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()


class Looks:
    """The two ways to look; every `whole`-th look goes by the tool."""

    def __init__(self, options: argparse.Namespace):
        self._probe = stress_support.build_probe(options.probe)
        self._tool, self._whole, self._number = options.tool, options.whole, 0
        self._folder = tempfile.TemporaryDirectory(prefix="unleak-stress-")

    def take(self, pid: int) -> stress_support.ProbeResult:
        self._number += 1
        if self._whole and self._number % self._whole == 0:
            return stress_support.run_tool([str(self._tool)], pid, Path(self._folder.name) / "look")
        return stress_support.run_probe(self._probe, pid, "--wait", SHORT_WAIT_MS)


def add(result: stress_support.ProbeResult, seen: Counter[str], pauses: List[int]) -> None:
    seen["looks"] += 1
    if not result.ok:
        seen["failed"] += 1
        print("  failed: %s" % result.text.strip()[:300], flush=True)
        return
    seen["whole"] += "collecting" not in result.facts
    seen[result.facts["stop"]] += 1
    seen["retakes"] += int(result.facts["retakes"])
    for what in ("collecting", "bad", "dead", "broken", "faults", "hangs", "duplicates"):
        seen["with " + what] += result.facts.get(what, "0") != "0"
    pauses.append(int(result.facts["pause_us"]))


def look_over_and_over(looks: Looks, python: str, kind: str, count: int, chance: random.Random) -> Counter[str]:
    """`count` looks at one program under one interpreter, each after a moment of its own."""
    seen: Counter[str] = collections.Counter()
    pauses: List[int] = []
    target = stress_support.BusyTarget(python, kind)
    try:
        for _ in range(count):
            time.sleep(chance.random() * MOMENT_S)
            before = target.beats()
            add(looks.take(target.pid), seen, pauses)
            harm = target.harm(before)
            if harm:
                seen["harmed"] += 1
                print("  HARMED: %s; %s" % (harm, target.story()), flush=True)
                target.close()
                target = stress_support.BusyTarget(python, kind)
        strays, zombies = target.children()
        seen["strays"] += len(strays)
        seen["zombies"] += 0 if kind in stress_support.WITH_CHILDREN else zombies
        seen["stopped"] += target.stopped()
    finally:
        target.close()
    if pauses:
        pauses.sort()
        print("  pause us: min %d median %d max %d" % (pauses[0], pauses[len(pauses) // 2], pauses[-1]))
    return seen


def parts(options: argparse.Namespace) -> List[Tuple[str, str, str, int]]:
    """Tag, interpreter, kind and number of looks of each part of the run."""
    wanted = options.pythons.split(",") if options.pythons else []
    pairs = []
    for kind in options.kinds.split(","):
        for found in interpreters.interpreters():
            if wanted and found.tag not in wanted:
                continue
            python = found.exe if kind != "arrays" else stress_support.numpy_python(found.tag, found.exe)
            if python:
                pairs.append((found.tag, python, kind))
            else:
                print("%s has no numpy: no arrays with it" % found.tag, flush=True)
    shares = [options.count * i // len(pairs) for i in range(len(pairs) + 1)] if pairs else []
    return [(*pair, shares[i + 1] - shares[i]) for i, pair in enumerate(pairs)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--pythons", default="")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--state", type=Path)
    parser.add_argument("--probe", help="a capture_probe, or the folder to build it in (default build/stress)")
    parser.add_argument("--tool", type=Path, default=TOOL, help="unleak-capture for whole looks (default: what ./dev build made)")
    parser.add_argument("--whole", type=int, default=4, metavar="N", help="every N-th look is a whole one; 0: none")
    parser.add_argument("--seed", default="1", help="of the moments at which looks are taken; kept in the state")
    options = parser.parse_args()
    done: Dict[str, Dict[str, Any]] = json.loads(options.state.read_text()) if options.state and options.state.exists() else {}
    looks = Looks(options)
    for tag, python, kind, count in parts(options):
        key = "%s %s" % (tag, kind)
        if key in done or not count:
            continue
        seed = "%s %s" % (options.seed, key)
        counts = look_over_and_over(looks, python, kind, count, random.Random(seed))
        done[key] = {**{name: number for name, number in counts.items() if number}, "commit": commit(), "seed": seed}
        print(key, done[key], flush=True)
        if options.state:
            options.state.write_text(json.dumps(done, indent=1))
    total: Counter[str] = collections.Counter()
    for counts in done.values():
        total.update({name: number for name, number in counts.items() if name not in ("commit", "seed")})
    print("all:", dict(total), "commits:", sorted({str(counts["commit"]) for counts in done.values()}))
    wrong = sum(total[what] for what in ("harmed", "failed", "strays", "zombies", "stopped"))
    return 1 if wrong or not total["looks"] else 0


if __name__ == "__main__":
    sys.exit(main())
