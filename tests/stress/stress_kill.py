"""Kills the tool by SIGKILL while it looks at a target: is the target harmed, does a process stay?

stress_kill.py [--count N] [--random N] [--pythons 3.12,3.13] [--kinds threads,poll] [--state FILE] [--seed TEXT]
               [--probe PATH] [--tool PATH]

--count kills (default 200) at the places inside the clone window and the reaping window that src/capture/kill_points.h
names, and --random (default 200) at random moments of a look, every second one of them of unleak-capture, which must not leave half
a file under the final name. After each one the target has to go on with right
results, with the same signal mask, and no clone may run. Zombies are counted: a clone that dies with the tool between
the windows stays one until its program ends. With --state the run can be taken up again.
"""

import argparse
import collections
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Counter, Dict, List, Optional, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "capture_engine"))
import stress_support  # noqa: E402

import interpreters  # noqa: E402

WINDOW_POINTS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22]
RANDOM = 0
TOOL = stress_support.REPOSITORY / "python" / "unleak" / "_native" / "unleak-capture"
STRAY_LIMIT_S = 5.0


def strays(target: stress_support.BusyTarget) -> List[int]:
    """Children that still run after they had time to die."""
    end = time.monotonic() + STRAY_LIMIT_S
    while True:
        running, _ = target.children()
        if not running or time.monotonic() > end:
            return running
        time.sleep(0.01)


class Tools:
    """What is killed: the probe, and at random moments every second time unleak-capture, which also writes a file."""

    def __init__(self, probe: Path, tool: Path):
        self.probe, self._tool = probe, tool
        self._folder = tempfile.TemporaryDirectory(prefix="unleak-stress-")
        self._file = Path(self._folder.name) / "look"

    def kill_somewhere(self, pid: int, number: int, share: float) -> stress_support.ProbeResult:
        if number % 2:
            return stress_support.run_tool(self._tool, pid, self._file, kill_after_s=share * 0.5)
        return stress_support.run_probe(self.probe, pid, kill_after_s=share * 0.15)

    def left_half_a_file(self) -> bool:
        """Is there a file under the final name that is not whole?"""
        if not self._file.exists():
            return False
        whole = subprocess.run([str(self._tool), "verify", str(self._file)], stdout=subprocess.DEVNULL).returncode == 0
        self._file.unlink()
        return not whole


def kill_at(tools: Tools, python: str, kind: str, point: int, count: int, seed: str) -> Counter[str]:
    """`count` kills at one place in one kind of program; a target that was harmed is replaced."""
    seen: Counter[str] = collections.Counter()
    chance = random.Random("%s %s %d" % (seed, kind, point))
    target: Optional[stress_support.BusyTarget] = None
    for number in range(count):
        target = target or stress_support.BusyTarget(python, kind)
        before = target.beats()
        if point == RANDOM:
            result = tools.kill_somewhere(target.pid, number, chance.random())
            seen["half files"] += tools.left_half_a_file()
        else:
            result = stress_support.run_probe(tools.probe, target.pid, kill_point=point)
        seen["killed" if result.killed else "not killed"] += 1
        harm = target.harm(before)
        left = strays(target) if target.running() else []
        if harm or left:
            seen["harmed"] += bool(harm)
            seen["strays"] += len(left)
            print("  HARMED at %d: %s, left %s; %s" % (point, harm, left, target.story()), flush=True)
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            target.close()
            target = None
    if target:
        seen["zombies"] += 0 if kind == "children" else target.children()[1]
        target.close()
    return seen


def plan(options: argparse.Namespace) -> List[Tuple[interpreters.Interpreter, str, int, int]]:
    """Interpreter, kind, place and number of kills of each part of the run."""
    wanted = options.pythons.split(",")
    pairs = [(python, kind) for python in interpreters.interpreters() if python.tag in wanted for kind in options.kinds.split(",")]
    parts = [(python, kind, point) for point in WINDOW_POINTS for python, kind in pairs]
    jobs = []
    for i, (python, kind, point) in enumerate(parts):
        jobs.append((python, kind, point, options.count * (i + 1) // len(parts) - options.count * i // len(parts)))
    for i, (python, kind) in enumerate(pairs):
        jobs.append((python, kind, RANDOM, options.random * (i + 1) // len(pairs) - options.random * i // len(pairs)))
    return [job for job in jobs if job[3]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--random", type=int, default=200)
    parser.add_argument("--pythons", default="3.12,3.13")
    parser.add_argument("--kinds", default="threads,poll,coroutines")
    parser.add_argument("--state", type=Path)
    parser.add_argument("--probe", help="a capture_probe, or the folder to build it in (default build/stress)")
    parser.add_argument("--tool", type=Path, default=TOOL, help="unleak-capture (default: what ./dev build made)")
    parser.add_argument("--seed", default="1", help="of the random moments")
    options = parser.parse_args()
    done: Dict[str, Dict[str, int]] = json.loads(options.state.read_text()) if options.state and options.state.exists() else {}
    tools = Tools(stress_support.build_probe(options.probe), options.tool)
    for python, kind, point, count in plan(options):
        key = "%s %s %s" % (python.tag, kind, "random" if point == RANDOM else "point %d" % point)
        if key in done:
            continue
        done[key] = dict(kill_at(tools, python.exe, kind, point, count, "%s %s" % (options.seed, python.tag)))
        print(key, {name: number for name, number in done[key].items() if number}, flush=True)
        if options.state:
            options.state.write_text(json.dumps(done))
    total: Counter[str] = collections.Counter()
    for counts in done.values():
        total.update(counts)
    print("all:", {name: number for name, number in total.items() if number})
    return 1 if total["harmed"] or total["strays"] or total["half files"] or not total["killed"] else 0


if __name__ == "__main__":
    sys.exit(main())
