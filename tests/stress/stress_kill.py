"""Kills the tool by SIGKILL while it looks at a target: is the target harmed, does a process stay?

stress_kill.py [--count N] [--random N] [--pythons 3.12,3.13] [--kinds threads,poll] [--state FILE] [--seed TEXT]
               [--probe PATH] [--tool PATH]

--count kills (default 200) at the places inside the clone window and the reaping window that src/capture/kill_points.h
names, and --random (default 200) at random moments of a look: in turn of the probe, of unleak-capture and of
`unleak snapshot`, whose helper is then alone; none may leave half a file under the final name. How long a look takes is
timed first; a moment that came after the look's end is made up for by another one, and counted as `too late`. After each
kill the target has to go on with right results, with the same signal mask, and no clone and no helper may run. Zombies
are counted: a clone that dies with the tool between the windows stays one until its program ends. With --state the run
can be taken up again.
"""

import argparse
import collections
import ctypes
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
MOST_TRIES = 4
"""Times as many kills as wanted are tried: some moments come after the look's end, some places are not on every look's way."""


def strays(target: stress_support.BusyTarget) -> List[int]:
    """Children that still run after they had time to die."""
    end = time.monotonic() + STRAY_LIMIT_S
    while True:
        running, _ = target.children()
        if not running or time.monotonic() > end:
            return running
        time.sleep(0.01)


class Tools:
    """What is killed at random moments, in turn: the probe, unleak-capture, which also writes a file, and unleak."""

    def __init__(self, probe: Path, tool: Path):
        self.probe, self._tool = probe, tool
        self._folder = tempfile.TemporaryDirectory(prefix="unleak-stress-")
        self._file = Path(self._folder.name) / "look"
        environment = {**os.environ, "PYTHONPATH": str(stress_support.REPOSITORY / "python")}
        self._unleak = (
            [sys.executable, "-P", "-m", "unleak"] if sys.version_info >= (3, 11) else [sys.executable, "-m", "unleak"]
        )
        self._environment = environment
        self._takes: Dict[Tuple[int, int], float] = {}

    def kill_somewhere(self, pid: int, number: int, share: float) -> stress_support.ProbeResult:
        """Kills the tool whose turn it is after that share of the time that it takes for a look at `pid`."""
        way = number % 3
        if (pid, way) not in self._takes:
            start = time.monotonic()
            self._look(pid, way, None)
            self._takes[pid, way] = time.monotonic() - start
            self._file.unlink(missing_ok=True)
        return self._look(pid, way, share * self._takes[pid, way])

    def _look(self, pid: int, way: int, kill_after_s: Optional[float]) -> stress_support.ProbeResult:
        if way == 0:
            return stress_support.run_probe(self.probe, pid, kill_after_s=kill_after_s)
        command = [str(self._tool)] if way == 1 else self._unleak
        return stress_support.run_tool(command, pid, self._file, kill_after_s, self._environment)

    def left_half_a_file(self) -> bool:
        """Is there a file under the final name that is not whole?"""
        if not self._file.exists():
            return False
        whole = subprocess.run([str(self._tool), "verify", str(self._file)], stdout=subprocess.DEVNULL).returncode == 0
        self._file.unlink()
        return not whole


def adopt_orphans() -> None:
    """Makes processes that lose their parent children of this one, so that none is overlooked."""
    pr_set_child_subreaper = 36  # linux/prctl.h
    if ctypes.CDLL(None, use_errno=True).prctl(pr_set_child_subreaper, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def orphans(target: stress_support.BusyTarget) -> List[int]:
    """Helpers that a killed tool left and that still run after they had time to end; those that ended are reaped."""
    end = time.monotonic() + STRAY_LIMIT_S
    while True:
        left = [pid for pid in stress_support.children_of(os.getpid()) if pid != target.pid and not reaped(pid)]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.01)


def reaped(pid: int) -> bool:
    return os.waitpid(pid, os.WNOHANG)[0] == pid


def kill_at(tools: Tools, python: str, kind: str, point: int, count: int, seed: str) -> Counter[str]:
    """`count` kills at one place in one kind of program; a target that was harmed is replaced."""
    seen: Counter[str] = collections.Counter()
    chance = random.Random("%s %s %d" % (seed, kind, point))
    target: Optional[stress_support.BusyTarget] = None
    for number in range(count * MOST_TRIES):
        if seen["killed"] == count:
            break
        target = target or stress_support.BusyTarget(python, kind)
        before = target.beats()
        if point == RANDOM:
            result = tools.kill_somewhere(target.pid, number, chance.random())
            seen["half files"] += tools.left_half_a_file()
        else:
            result = stress_support.run_probe(tools.probe, target.pid, kill_point=point)
        seen["killed" if result.killed else "too late" if point == RANDOM else "not reached"] += 1
        harm = target.harm(before)
        left = (strays(target) if target.running() else []) + orphans(target)
        if harm or left:
            seen["harmed"] += bool(harm)
            seen["strays"] += len(left)
            print("  HARMED at %d: %s, left %s; %s" % (point, harm, left, target.story()), flush=True)
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            target.close()
            target = None
    if target:
        seen["stopped"] += target.stopped()
        seen["zombies"] += 0 if kind == "children" else target.children()[1]
        target.close()
    return seen


def plan(options: argparse.Namespace) -> List[Tuple[interpreters.Interpreter, str, int, int]]:
    """Interpreter, kind, place and number of kills of each part of the run."""
    wanted = options.pythons.split(",")
    pairs = [
        (python, kind)
        for python in interpreters.interpreters()
        if python.tag in wanted
        for kind in options.kinds.split(",")
    ]
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
    adopt_orphans()
    done: Dict[str, Dict[str, int]] = (
        json.loads(options.state.read_text()) if options.state and options.state.exists() else {}
    )
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
    return (
        1 if total["harmed"] or total["strays"] or total["stopped"] or total["half files"] or not total["killed"] else 0
    )


if __name__ == "__main__":
    sys.exit(main())
