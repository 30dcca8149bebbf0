"""Who loses references is named while the program runs: the line of Python and the function of the extension, by the
processor's watchpoints. Nothing is named where the machine has none, and nothing of a program that gives all back."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Dict

import planted
import pytest
from interpreters import Interpreter
from targets import start_target

PROGRAM = r"""
import sys, time
import leaky

SHARED = object()

def one_by_one(n):
    item = ["item %d" % n]  # MADE
    return leaky.lose(item)  # LOST

def shared(n):
    return leaky.lose(SHARED)  # SHARED

def given_back(n):
    return leaky.keep(["item %d" % n]) or leaky.keep(SHARED)

def both(n):
    one_by_one(n)
    shared(n)

work = both if sys.argv[1] == "leak" else given_back
print("READY", flush=True)
n = 0
while True:
    for _ in range(4):
        work(n)
        n += 1
    sum(range(2000))
    time.sleep(0.005)
"""
LINES = {text.rpartition("# ")[2]: number for number, text in enumerate(PROGRAM.splitlines(), 1) if "  # " in text}
SOME = ("3.9", "3.12", "3.14")
WATCHPOINT = """
import ctypes, os
attributes = (ctypes.c_uint64 * 16)()
attributes[0] = 5 | 128 << 32  # PERF_TYPE_BREAKPOINT, size
word = ctypes.c_uint64()
attributes[5] = 1 | 1 << 5 | 1 << 6  # disabled, not in the kernel, not below it
attributes[6] = 2 << 32  # HW_BREAKPOINT_W
attributes[7], attributes[8] = ctypes.addressof(word), 8
libc = ctypes.CDLL(None, use_errno=True)
raise SystemExit(libc.syscall(298, attributes, 0, -1, -1, 0) < 0)
"""


@pytest.fixture(scope="module")
def watchpoints() -> None:
    if subprocess.run([sys.executable, "-c", WATCHPOINT]).returncode:
        pytest.skip("this machine has no watchpoints")


@pytest.fixture
def chosen(interpreter: Interpreter) -> Interpreter:
    if interpreter.free_threaded or (interpreter.tag not in SOME and not os.environ.get("UNLEAK_STRESS")):
        pytest.skip(
            "one of each way to keep frames and counts is enough here; a free-threaded build's counts have two parts"
        )
    return interpreter


def diagnose(python: Interpreter, folder: Path, what: str) -> Dict:
    extension = planted.build_extension(python, folder, planted.compiler())
    with start_target(python.exe, PROGRAM, [what], env={"PYTHONPATH": str(extension)}) as target:
        target.wait_ready(60)
        return json.loads(planted.unleak("diagnose", str(target.pid), "--json", "--duration", "5"))


def lost_reference(document: Dict, kind: str) -> Dict:
    findings = [f for f in document["findings"] if f["kind"] == "lost-reference" and f["what"][0]["type"] == kind]
    assert findings, document["summary"]
    return findings[0]


def test_who_loses_references(chosen: Interpreter, watchpoints: None, tmp_path: Path) -> None:
    document = diagnose(chosen, tmp_path, "leak")
    one_by_one, shared = lost_reference(document, "list"), lost_reference(document, "object")
    assert [p["line"] for p in one_by_one["sites"]["allocated"]] == [LINES["MADE"]]
    assert one_by_one["certainty"] == "confirmed"
    for finding, line in ((one_by_one, LINES["LOST"]), (shared, LINES["SHARED"])):
        suspect = finding["sites"]["suspect"][0]
        assert (suspect["function"], suspect["line"]) == ("lose", line)
        assert suspect["library"].startswith("leaky")
