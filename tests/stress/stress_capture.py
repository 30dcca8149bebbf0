"""Looks at busy targets over and over: is any of them harmed, does anything stay behind?

stress_capture.py [--count N] [--visit N] [--minutes N] [--whole N] [--pythons 3.12,3.13t] [--kinds threads,hold]
                  [--seed TEXT] [--state FILE] [--probe PATH] [--tool PATH]

N looks in all (default 1000). Interpreters and kinds of program take turns, in an order of chance, --visit looks (default
12) at a time, so that a run that is broken off has seen all of them about equally often. After each look the target
has to go on with right results, and no thread of it may stand still. Most are walks by the probe; every --whole'th
(default 4) is a whole look by unleak-capture, with the ledger, orphans and native roots, written to a file, whose facts
say how it was stopped and how often it was taken again. With --state the run can be taken up again, also with a newer build: looks are
counted by commit too. One line a visit, a summary at the end. Exit status 1 if a target was harmed, a look failed, or a
process was left.
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
from typing import Counter, Dict, List, NamedTuple, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "capture_engine"))
import stress_support  # noqa: E402

import interpreters  # noqa: E402

TOOL = stress_support.REPOSITORY / "python" / "unleak" / "_native" / "unleak-capture"
KINDS = [
    "threads",
    "allocate",
    "coroutines",
    "collect",
    "hold",
    "children",
    "signals",
    "poll",
    "prefork",
    "subinterpreters",
    "arrays",
]

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
    seen["whole"] += "collecting" not in result.facts  # only the probe says that
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


class Part(NamedTuple):
    """One kind of program under one interpreter."""

    tag: str
    python: str
    kind: str

    @property
    def key(self) -> str:
        return "%s %s" % (self.tag, self.kind)


def parts(options: argparse.Namespace) -> List[Part]:
    wanted = options.pythons.split(",") if options.pythons else []
    chosen = []
    for kind in options.kinds.split(","):
        for found in interpreters.interpreters():
            if wanted and found.tag not in wanted:
                continue
            python = found.exe if kind != "arrays" else stress_support.numpy_python(found.tag, found.exe)
            if python:
                chosen.append(Part(found.tag, python, kind))
            else:
                print("%s has no numpy: no arrays with it" % found.tag, flush=True)
    return chosen


class State:
    """What was seen so far, by part: counts, and of `visits` and looks by commit; kept in a file if there is one."""

    def __init__(self, file: Optional[Path]):
        self._file = file
        self.parts: Dict[str, Dict[str, int]] = json.loads(file.read_text()) if file and file.exists() else {}

    def add(self, part: Part, counts: Counter[str]) -> None:
        total = collections.Counter(self.parts.get(part.key, {}))
        total.update({"visits": 1, "at " + commit(): counts["looks"]})
        total.update(counts)
        self.parts[part.key] = {name: number for name, number in total.items() if number}
        if self._file:
            part_file = self._file.with_suffix(".part")
            part_file.write_text(json.dumps(self.parts, indent=1))
            part_file.replace(self._file)

    def visits(self, part: Part) -> int:
        return self.parts.get(part.key, {}).get("visits", 0)

    def total(self) -> Counter[str]:
        total: Counter[str] = collections.Counter()
        for counts in self.parts.values():
            total.update(counts)
        return total


def visit_all(options: argparse.Namespace, state: State, looks: Looks) -> None:
    """Visits parts, the least visited first, until there are as many looks as wanted or the time is over."""
    chosen, end = parts(options), time.monotonic() + options.minutes * 60
    while chosen and time.monotonic() < end:
        missing = options.count - state.total()["looks"]
        if missing <= 0:
            return
        least = min(state.visits(part) for part in chosen)
        order = [part for part in chosen if state.visits(part) == least]
        part = random.Random("%s %d %d" % (options.seed, least, len(order))).choice(order)
        chance = random.Random("%s %s %d" % (options.seed, part.key, least))
        counts = look_over_and_over(looks, part.python, part.kind, min(options.visit, missing), chance)
        state.add(part, counts)
        print(part.key, {name: number for name, number in counts.items() if number}, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--visit", type=int, default=12, help="looks at one program before the next one's turn")
    parser.add_argument("--minutes", type=float, default=1e6, help="end after so long, whatever is missing")
    parser.add_argument("--pythons", default="")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--state", type=Path)
    parser.add_argument("--probe", help="a capture_probe, or the folder to build it in (default build/stress)")
    parser.add_argument(
        "--tool", type=Path, default=TOOL, help="unleak-capture for whole looks (default: what ./dev build made)"
    )
    parser.add_argument("--whole", type=int, default=4, metavar="N", help="every N-th look is a whole one; 0: none")
    parser.add_argument(
        "--seed", default="1", help="of the moments at which looks are taken; with the number of the visit"
    )
    options = parser.parse_args()
    state = State(options.state)
    visit_all(options, state, Looks(options))
    total = state.total()
    print("all:", {name: number for name, number in total.items() if number})
    wrong = sum(total[what] for what in ("harmed", "failed", "strays", "zombies", "stopped"))
    return 1 if wrong or not total["looks"] else 0


if __name__ == "__main__":
    sys.exit(main())
