"""Of a web service, of a program whose threads allocate all the time and of one with numpy and pandas nearly every resident byte is explained."""

import subprocess
from pathlib import Path

import pytest
from interpreters import Interpreter
from packages import environment_of

HERE = Path(__file__).resolve().parent
LEAST = 0.97


@pytest.mark.parametrize("program", ["service_target.py", "threads_target.py"])
def test_explained(program: str, interpreter: Interpreter, memory_of) -> None:
    holds(interpreter.exe, program, memory_of)


def test_with_numpy_and_pandas(interpreter: Interpreter, memory_of) -> None:
    python = environment_of(interpreter.tag)
    if python is None:
        pytest.skip("no environment with numpy and pandas: `./dev stress completeness` makes it")
    holds(python, "frames_target.py", memory_of)


def holds(python: str, program: str, memory_of) -> None:
    target = subprocess.Popen([python, str(HERE / program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert target.stdout is not None and target.stdout.readline() == b"READY\n"
        memory = memory_of(target.pid)
        assert target.poll() is None
    finally:
        target.kill()
        target.wait()
    assert memory["explained"] >= LEAST, memory
    assert sum(part["bytes"] for part in memory["ledger"]) + memory["unexplained"] == memory["rss"]
