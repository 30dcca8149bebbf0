"""A look at a program under a seccomp filter: without a clone, without any system call that the filter forbids."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Callable

import pytest
from interpreters import Interpreter

HERE = Path(__file__).resolve().parent


def status_of(pid: int, field: str) -> str:
    text = Path("/proc/%d/status" % pid).read_text()
    return text.split(field + ":", 1)[1].split("\n", 1)[0].strip()


def wait_for(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def heard(process, word: str) -> str:
    process.process.stdin.write(word.encode() + b"\n")
    process.process.stdin.flush()
    return process.process.stdout.readline().decode().strip()


@pytest.mark.parametrize("what", ["fork", "stopped"])
def test_the_filter_ends_what_it_forbids(interpreter: Interpreter, what: str) -> None:
    """The two things that a look must not make a program do."""
    program = subprocess.Popen(
        [interpreter.exe, str(HERE / "seccomp_target.py"), what], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    if what == "stopped":
        assert program.stdout.readline() == b"ready\n"
        wait_for(lambda: Path("/proc/%d/syscall" % program.pid).read_text().startswith("230 "))  # clock_nanosleep
        os.kill(program.pid, signal.SIGSTOP)
        wait_for(lambda: status_of(program.pid, "State")[0] == "T")
        os.kill(program.pid, signal.SIGCONT)
    try:
        assert program.wait(30) == -signal.SIGSYS
    finally:
        program.kill()
        program.communicate()


@pytest.mark.parametrize("what", ["wait", "busy"])
def test_it_is_looked_at_and_lives_on(interpreter: Interpreter, target, look, what: str) -> None:
    process = target(interpreter.exe, "seccomp_target.py", what)
    assert status_of(process.pid, "Seccomp") == "2"
    for number in range(3):
        snapshot = look(process.pid, "--max-pause", "5000", "--max-extra", "50")
        assert snapshot.facts["producer"] == "reader"
        stops = ("blind",) if interpreter.free_threaded else ("safe", "gil-free") if what == "busy" else ("gil-free",)
        assert snapshot.facts["stop"] in stops
        names = snapshot.type_names()
        assert sum(names[index] == "__main__.Session" for index in snapshot.type) == 1000
        assert {frame["code"]["name"] for frame in snapshot.frames()} >= {"main"} | (
            {"count"} if what == "busy" else set()
        )
        assert heard(process, "word %d" % number) == "heard word %d 1000" % number
    assert status_of(process.pid, "TracerPid") == "0"


def test_a_pause_over_the_limit_is_refused_with_the_estimate(
    interpreter: Interpreter, target, capture_tool: str, tmp_path: Path
) -> None:
    process = target(interpreter.exe, "seccomp_target.py", "wait")
    ran = subprocess.run(
        [capture_tool, "snapshot", str(process.pid), "--max-pause", "1", "-o", str(tmp_path / "look")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode != 0 and not (tmp_path / "look").exists()
    assert (
        "seccomp filter" in ran.stderr
        and "more than --max-pause 1" in ran.stderr
        and "--max-pause" in ran.stderr.splitlines()[-1]
    )
    assert heard(process, "still here") == "heard still here 1000"
