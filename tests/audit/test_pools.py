"""The pymalloc heap as read from outside equals what the interpreter itself says of it, to the byte, on every version."""

import os
import re
import signal
import subprocess
import time

import pytest
from interpreters import interpreters
from targets import start_target

PROGRAM = """
import gc, os, random, signal, sys
kept = [[bytes(random.randrange(1, 600)) for _ in range(300)] for _ in range(150)]
random.Random(3).shuffle(kept)
del kept[60:]
print("READY %d" % sys.hexversion, flush=True)
pid, stop, kill, stats = os.getpid(), signal.SIGSTOP, os.kill, sys._debugmallocstats
sys.stdin.readline()
gc.collect()
def go():
    stats()
    kill(pid, stop)
go()
sys.stdin.readline()
"""

MIMALLOC = """
import array, os, random, signal, sys, threading
kept = [[bytes(random.randrange(1, 3000)) for _ in range(300)] for _ in range(150)]
random.Random(3).shuffle(kept)
def work(): kept.append([(i, str(i)) for i in range(5000)])
gone = threading.Thread(target=work)
gone.start(); gone.join()
begun, leave = threading.Event(), threading.Event()
def stay(): work(); begun.set(); leave.wait()
threading.Thread(target=stay, daemon=True).start(); begun.wait()
del kept[60:-1]
pid, stop, kill, blocks, said = os.getpid(), signal.SIGSTOP, os.kill, sys.getallocatedblocks, array.array("Q", [0])
print("READY", flush=True)
sys.stdin.readline()
def go():
    said[0] = blocks()
    kill(pid, stop)
go()
print(said[0], flush=True)
sys.stdin.readline()
"""
"""With a thread that has ended and one that waits: the pages of the first are nobody's."""

FIGURES = {
    "used": "bytes in allocated blocks",
    "available": "bytes in available blocks",
    "headers": "bytes lost to pool headers",
    "quantization": "bytes lost to quantization",
    "alignment": "bytes lost to arena alignment",
}


@pytest.mark.parametrize("python", [i for i in interpreters() if not i.free_threaded], ids=lambda i: i.tag)
def test_totals_are_those_of_the_interpreter(python, pools_probe):
    with start_target(python.exe, PROGRAM) as target:
        hexversion = target.wait_ready()
        target.send("go")
        _wait_stopped(target)
        found = _probe(pools_probe, target.pid, hexversion)
        os.kill(target.pid, signal.SIGCONT)
        said = target.errors()
    assert found["outside"] == 0
    assert {name: found[name] for name in FIGURES} == {name: _figure(said, text) for name, text in FIGURES.items()}
    assert found["arenas"] == _figure(said, r"Total")
    classes = re.findall(r"^ +\d+ +(\d+) +(\d+) +(\d+) +\d+$", said, re.M)
    assert found["blocks"] == sum(int(blocks) for _, _, blocks in classes)
    assert found["pools"] == sum(int(pools) for _, pools, _ in classes)


@pytest.mark.parametrize("python", [i for i in interpreters() if i.free_threaded], ids=lambda i: i.tag)
def test_a_free_threaded_build_has_as_many_blocks_as_it_says(python, pools_probe):
    with start_target(python.exe, MIMALLOC) as target:
        target.wait_ready()
        target.send("go")
        _wait_stopped(target)
        found = _probe(pools_probe, target.pid, "mimalloc")
        os.kill(target.pid, signal.SIGCONT)
        said = int(target.read_line())
    assert found["refused"] == 0
    assert found["blocks"] == said > 20000


def _wait_stopped(target):
    deadline = time.monotonic() + 30
    while target.state() != "T":
        assert time.monotonic() < deadline, "the target did not stop: " + target.errors()


def _probe(probe, pid, hexversion):
    out = subprocess.run([probe, str(pid), hexversion], check=True, capture_output=True, text=True).stdout
    return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", out)}


def _figure(text, name):
    """A figure of sys._debugmallocstats: `name = 1,234`, after dots or with a factor before it."""
    match = re.search(r"(?:^|\n)(?:# )?%s\s*=\s*([\d,]+)" % name, text)
    assert match, "no %r in\n%s" % (name, text)
    return int(match.group(1).replace(",", ""))
