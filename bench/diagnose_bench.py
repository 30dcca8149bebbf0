"""Where the time of a diagnosis goes: each step of `unleak diagnose`, from starting the helper to the verdict.

Two targets: a small service (`service_target.py`) and 10 million objects (`heap_target.py`). For each step: wall
time, and CPU time of unleak's own process; for `look` also that of the helper and the clone in it. bench/README.md says
what is what. The goal: analysis (open and fold) of 10 million objects in 3 s of CPU time and 1 GiB, in every look.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "python")]

from interpreters import interpreters  # noqa: E402
from unleak.cli import engine  # noqa: E402
from unleak.cli.conclude import answer  # noqa: E402
from unleak.cli.helper import Helper  # noqa: E402
from unleak.cli.interrupts import Interrupts  # noqa: E402

TARGETS = {"service": ["service_target.py"], "heap": ["heap_target.py", "714000"]}
GOAL_NS = 300  # CPU time of the analysis of one object: 3 s for 10 million
GOAL_MIB = 1024  # peak memory of unleak's process over all looks at 10 million objects, Python and its libraries included


class Steps:
    """Times of named steps, one list a step."""

    def __init__(self) -> None:
        self.times: Dict[str, List[Tuple[float, float]]] = {}
        self.peaks: List[float] = []  # MiB, of the process so far: one a look

    def take(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        wall, cpu = time.monotonic(), time.process_time()
        result = function(*arguments)
        self.add(name, time.monotonic() - wall, time.process_time() - cpu)
        return result

    def add(self, name: str, wall: float, cpu: float) -> None:
        self.times.setdefault(name, []).append((wall * 1e3, cpu * 1e3))

    def cpu(self, name: str) -> float:
        return statistics.median(cpu for _, cpu in self.times[name])

    def print(self) -> None:
        print("  %-12s %5s %10s %10s" % ("step", "times", "wall ms", "CPU ms"))
        for name, times in self.times.items():
            wall = statistics.median(wall for wall, _ in times)
            print("  %-12s %5d %10.1f %10.1f" % (name, len(times), wall, self.cpu(name)))


def diagnose(process: "subprocess.Popen[bytes]", looks: int, steps: Steps) -> Dict[str, Any]:
    """All that `unleak diagnose` does but waiting. The facts of the last look."""
    pid = process.pid
    facts: Dict[str, Any] = {}
    with Interrupts() as interrupts:
        helper = steps.take("start", Helper, engine.capture_program(), interrupts)
        with helper:
            steps.take("inspect", helper.call, {"cmd": "inspect", "pid": pid})
            session = steps.take("session", engine.Session, {"looks": looks})
            for _ in range(looks):
                process.stdin.write(b"\n")
                process.stdin.flush()
                facts, descriptors = steps.take("look", helper.call, {"cmd": "look", "pid": pid})
                steps.add("  its capture", facts["pause_ms"] / 1e3, facts["cpu_ms"] / 1e3)
                session.make_room()
                snapshot = steps.take("open", engine.Snapshot.from_reply, descriptors)
                steps.take("fold", session.add, snapshot)
                steps.take("plan", session.next)
                steps.peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
            questions = steps.take("questions", session.questions)
            answers = steps.take("answers", answer, questions)
            steps.take("conclude", session.conclude, answers)
            session.close()
    return facts


def measure(exe: str, name: str, looks: int) -> bool:
    """Prints the steps at one target; whether the goals were reached."""
    script, *arguments = TARGETS[name]
    command = [exe, str(ROOT / "bench" / "targets" / script), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        steps = Steps()
        facts = diagnose(process, looks, steps)
        process.communicate()
    objects, peak = facts["objects"], max(steps.peaks)
    each = (steps.cpu("open") + steps.cpu("fold")) * 1e6 / objects
    print("%s: %d objects, %d references, %.0f MiB resident" % (name, objects, facts["edges"], facts["rss"] / 2**20))
    steps.print()
    print("  analysis %.0f ns an object; peak of unleak's process: %.0f MiB at the first look" % (each, steps.peaks[0]), end=", ")
    print("%.0f MiB at the last" % steps.peaks[-1])
    return name == "service" or (objects >= 10**7 and each <= GOAL_NS and peak <= GOAL_MIB)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default="3.12", help="tag of the target's interpreter (default: %(default)s)")
    parser.add_argument("--looks", type=int, default=4, help="looks at each target (default: %(default)s)")
    parser.add_argument("--target", choices=sorted(TARGETS), help="only this one")
    arguments = parser.parse_args()
    exe = next((one.exe for one in interpreters() if one.tag == arguments.python), None)
    if exe is None:
        parser.error("no interpreter %s is here: ./dev pythons" % arguments.python)
    print("load average %.1f before" % os.getloadavg()[0])
    chosen = [arguments.target] if arguments.target else list(TARGETS)
    reached = [measure(exe, name, arguments.looks) for name in chosen]
    print("load average %.1f after" % os.getloadavg()[0])
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
