"""Of a web service and of a program whose threads allocate all the time nearly every resident byte is explained."""

import subprocess
from pathlib import Path

import pytest
from interpreters import Interpreter

HERE = Path(__file__).resolve().parent
LEAST = 0.97


@pytest.mark.parametrize("program", ["service_target.py", "threads_target.py"])
def test_explained(program: str, interpreter: Interpreter, memory_of) -> None:
    target = subprocess.Popen([interpreter.exe, str(HERE / program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert target.stdout is not None and target.stdout.readline() == b"READY\n"
        memory = memory_of(target.pid)
        assert target.poll() is None
    finally:
        target.kill()
        target.wait()
    assert memory["explained"] >= LEAST, memory
    assert sum(part["bytes"] for part in memory["ledger"]) + memory["unexplained"] == memory["rss"]
