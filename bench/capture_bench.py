"""What a look costs the target and the machine: pause, CPU time, size of the file.

Starts two programs on each interpreter, of 30 MiB and of 340 MiB with 5.4 million objects, takes looks with
`unleak-capture snapshot` (labels, owned blocks, counts, compressed) and prints the medians beside the goals. Numbers
depend on what else the machine does: the load average is printed with them. bench/README.md says what is what.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from interpreters import Interpreter, interpreters  # noqa: E402

TARGET = ROOT / "bench" / "targets" / "heap_target.py"


class Size(NamedTuple):
    """A target: its name, groups of objects, and goals (None: not set for this size)."""

    name: str
    groups: int
    pause_ms: float
    million_per_s: float
    bytes_per_object: float


SIZES = (
    Size("30 MiB", 24_000, 3, 0, 0),
    Size("340 MiB", 385_000, 35, 5, 8),
)

COLUMNS = (
    ("pause_ms", "pause ms", "%.2f"),
    ("objects", "objects", "%d"),
    ("clone", "clone ns", "%.0f"),
    ("tracer", "tracer ns", "%.0f"),
    ("encode", "encode ns", "%.0f"),
    ("rest", "rest ns", "%.0f"),
    ("total", "total ns", "%.0f"),
    ("million_per_s", "Mobj/s", "%.2f"),
    ("bytes_per_object", "B/object", "%.2f"),
    ("peak_mib", "peak MiB", "%.0f"),
)


class Target:
    """A running heap_target.py."""

    def __init__(self, interpreter: Interpreter, groups: int):
        command = [interpreter.exe, str(TARGET), str(groups)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if not self.process.stdout.readline():
            raise SystemExit("%s ended before its heap stood" % " ".join(command))

    def __enter__(self) -> int:
        return self.process.pid

    def __exit__(self, *_: object) -> None:
        self.process.communicate()
        if self.process.returncode != 0:
            raise SystemExit("the target was harmed: it ended with status %d" % self.process.returncode)


def look(tool: str, pid: int, output: Path) -> Dict[str, float]:
    """Figures of one look; times that end in no unit are nanoseconds of CPU time an object."""
    process = subprocess.Popen([tool, "snapshot", str(pid), "-o", str(output)], stdout=subprocess.PIPE)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit("%s snapshot ended with status %d" % (tool, os.waitstatus_to_exitcode(status)))
    facts = json.loads(text)
    each = 1e6 / facts["objects"]
    tool_ms = (usage.ru_utime + usage.ru_stime) * 1e3
    total = (facts["clone_cpu_ms"] + tool_ms) * each
    return {
        "pause_ms": facts["pause_ms"],
        "objects": facts["objects"],
        "clone": facts["clone_cpu_ms"] * each,
        "tracer": facts["tracer_cpu_ms"] * each,
        "encode": facts["encode_cpu_ms"] * each,
        "rest": (tool_ms - facts["tracer_cpu_ms"] - facts["encode_cpu_ms"]) * each,
        "total": total,
        "million_per_s": 1e3 / total,
        "bytes_per_object": facts["file_bytes"] / facts["objects"],
        "peak_mib": usage.ru_maxrss / 1024,
    }


def measure(tool: str, interpreter: Interpreter, size: Size, looks: int, folder: Path) -> Dict[str, float]:
    """Medians over the looks at one target."""
    with Target(interpreter, size.groups) as pid:
        figures = [look(tool, pid, folder / "look.unleak") for _ in range(looks)]
    return {key: statistics.median(one[key] for one in figures) for key in figures[0]}


def misses(size: Size, figures: Dict[str, float]) -> List[str]:
    """The goals that were not reached, as text."""
    found = []
    if figures["pause_ms"] > size.pause_ms:
        found.append("pause %.2f ms, goal %g" % (figures["pause_ms"], size.pause_ms))
    if figures["million_per_s"] < size.million_per_s:
        found.append("%.2f million objects/s, goal %g" % (figures["million_per_s"], size.million_per_s))
    if size.bytes_per_object and figures["bytes_per_object"] > size.bytes_per_object:
        found.append("%.2f bytes an object, goal %g" % (figures["bytes_per_object"], size.bytes_per_object))
    return found


def print_row(cells: List[str]) -> None:
    print("%-7s %-8s %s" % (cells[0], cells[1], " ".join("%10s" % cell for cell in cells[2:])), flush=True)


def run(tool: str, chosen: List[Interpreter], sizes: List[Size], looks: int) -> List[Tuple[str, str]]:
    """Prints the table; what missed its goal."""
    missed = []
    print_row(["python", "target"] + [title for _, title, _ in COLUMNS])
    with tempfile.TemporaryDirectory(prefix="unleak-bench-") as folder:
        for interpreter in chosen:
            for size in sizes:
                figures = measure(tool, interpreter, size, looks, Path(folder))
                print_row([interpreter.tag, size.name] + [form % figures[key] for key, _, form in COLUMNS])
                missed += [("%s, %s" % (interpreter.tag, size.name), text) for text in misses(size, figures)]
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default="3.12,3.13", help="tags of the interpreters (default: %(default)s)")
    parser.add_argument("--looks", type=int, default=7, help="looks at each target (default: %(default)s)")
    parser.add_argument("--size", choices=[size.name.split()[0] for size in SIZES], help="only this target (MiB)")
    tool = os.environ.get("UNLEAK_CAPTURE", str(ROOT / "python" / "unleak" / "_native" / "unleak-capture"))
    parser.add_argument(
        "--tool", default=tool, help="unleak-capture to measure (default: $UNLEAK_CAPTURE, or what ./dev build made)"
    )
    arguments = parser.parse_args()
    wanted = arguments.python.split(",")
    chosen = [one for one in interpreters() if one.tag in wanted]
    if not chosen:
        parser.error("no interpreter of %s is here: ./dev pythons" % arguments.python)
    sizes = [size for size in SIZES if arguments.size in (None, size.name.split()[0])]
    print("%d looks each, medians; load average %.1f before" % (arguments.looks, os.getloadavg()[0]))
    missed = run(arguments.tool, chosen, sizes, arguments.looks)
    print("load average %.1f after" % os.getloadavg()[0])
    for where, text in missed:
        print("missed: %s: %s" % (where, text))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
