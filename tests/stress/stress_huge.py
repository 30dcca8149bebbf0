"""Looks at a huge program that writes all over its memory, with room around it and in a control group that is nearly full.

stress_huge.py [--gib 8] [--python TAG]

A look has to be a look, or a refusal that names its estimate; the program works on, nobody is killed for memory. Needs as much
free memory as the program takes, and for the second half control groups. Exit status 1 if anything of that is not so.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import List, Optional

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "capture"), str(TESTS)]
from groups import Group, NoGroup, killed, nearly_full  # noqa: E402
from interpreters import Interpreter, interpreters  # noqa: E402

CAPTURE = str(TESTS.parent / "python" / "unleak" / "_native" / "unleak-capture")
PROGRAM = """
import mmap, random, sys, threading, time
size = int(sys.argv[1]) << 30
memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
if hasattr(memory, "madvise"): memory.madvise(15)  # MADV_NOHUGEPAGE: as many pages as can be
for page in range(0, size, 4096): memory[page] = 1
kept = [{"number": i, "text": "text %d" % i} for i in range(200_000)]
rounds = 0
def write():
    global rounds
    while True:
        memory[random.randrange(size >> 12) << 12] = 2
        rounds += 1
        if rounds % 1000 == 0: time.sleep(0.001)
threading.Thread(target=write, daemon=True).start()
print("READY", flush=True)
for line in sys.stdin:
    before = rounds
    while rounds < before + 1000: time.sleep(0.001)
    print(rounds, flush=True)
"""
WAYS: "tuple[List[str], ...]" = (
    [],
    ["--max-pause", "60000"],
    ["--max-pause", "60000", "--max-extra", "90"],
    ["--max-pause", "60000", "--reader"],
)


def look(pid: int, options: List[str]) -> str:
    """What came of it; raises AssertionError where it is neither a look nor a refusal with an estimate."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        command = [CAPTURE, "snapshot", str(pid), "-o", folder + "/look", *options]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=600)
    took = time.monotonic() - began
    if ran.returncode == 0:
        facts = json.loads(ran.stdout)
        assert facts["objects"] > 400_000, facts
        return "%s, paused %.0f ms, %.1f s, %.1f GiB resident" % (
            facts["producer"],
            facts["pause_ms"],
            took,
            facts["rss"] / 2**30,
        )
    assert ran.returncode == 3 and ("MiB" in ran.stderr or " ms" in ran.stderr), ran.stderr
    return "refused: " + ran.stderr.replace("unleak-capture: ", "").strip().replace("\n", "; ")


def run(python: Interpreter, gib: int, group: Optional[Group]) -> None:
    target = subprocess.Popen(
        [python.exe, "-c", PROGRAM, str(gib)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=group.join if group else None,
    )
    assert target.stdin is not None and target.stdout is not None
    try:
        assert target.stdout.readline() == "READY\n", "the program did not start: is there memory enough?"
        if group:
            nearly_full(group)
        for options in WAYS:
            said = look(target.pid, options)
            print(
                "%-5s %-9s %-44s %s" % (python.tag, "5 % left" if group else "room", " ".join(options), said),
                flush=True,
            )
            target.stdin.write("more\n")
            target.stdin.flush()
            assert target.stdout.readline(), "the program ended"
        assert group is None or killed(group) == 0, "the kernel killed for memory"
    finally:
        target.kill()
        target.communicate()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gib", type=int, default=8, help="that the program has (%(default)s)")
    parser.add_argument("--python", default="3.12", help="its interpreter (%(default)s)")
    options = parser.parse_args()
    python = next(one for one in interpreters() if one.tag == options.python)
    try:
        run(python, options.gib, None)
        try:
            group = Group("memory")
        except NoGroup as why:
            print("not tried in a full group: %s" % why)
            return 0
        try:
            run(python, options.gib, group)
        finally:
            time.sleep(0.5)  # the group is busy until its process is gone
            group.folder.rmdir()
    except AssertionError as wrong:
        print("wrong: %s" % wrong)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
