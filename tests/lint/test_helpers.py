"""The helpers that other tests stand on."""

import os
import select
import subprocess
from pathlib import Path

import pytest

import interpreters
from interpreters import Interpreter
from targets import TargetFailed, start_target

ECHO = """
import sys
print("starting", flush=True)
print("READY", len(sys.argv), flush=True)
for line in sys.stdin:
    print(line.strip().upper(), flush=True)
"""


def test_interpreter_is_what_its_tag_says(interpreter: Interpreter) -> None:
    code = "import sys, sysconfig; print(*sys.version_info[:2], bool(sysconfig.get_config_var('Py_GIL_DISABLED')))"
    said = subprocess.run([interpreter.exe, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert said == [*map(str, interpreter.version), str(interpreter.free_threaded)]


def test_every_wanted_interpreter_is_found_or_named() -> None:
    assert sorted([found.tag for found in interpreters.interpreters()] + interpreters.missing()) == sorted(
        interpreters.selected()
    )


def test_narrowing_to_an_unknown_interpreter_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNLEAK_TEST_PYTHONS", "3.12,2.7")
    with pytest.raises(ValueError, match="names 2.7"):
        interpreters.selected()


def test_target_answers_and_ends(interpreter: Interpreter) -> None:
    with start_target(interpreter.exe, ECHO, ["one", "two"]) as target:
        assert target.wait_ready() == "3"
        assert target.ask("still there") == "STILL THERE"
        assert target.running() and target.state() in "RS"
        assert target.wait() == 0


def test_target_from_a_script(interpreter: Interpreter, tmp_path: Path) -> None:
    script = tmp_path / "echo.py"
    script.write_text(ECHO)
    with start_target(interpreter.exe, script) as target:
        assert target.wait_ready() == "1"


def test_target_that_fails_says_why(interpreter: Interpreter) -> None:
    with start_target(interpreter.exe, "raise SystemExit('no such luck')") as target:
        with pytest.raises(TargetFailed, match="(?s)ended with status 1.*no such luck"):
            target.wait_ready()


def test_stop_takes_children_along(interpreter: Interpreter) -> None:
    code = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print("READY", child.pid, flush=True)
child.wait()
"""
    with start_target(interpreter.exe, code) as target:
        child = os.pidfd_open(int(target.wait_ready()))
    ended, _, _ = select.select([child], [], [], 30)  # a pidfd is readable once its process has ended
    os.close(child)
    assert ended, "the child outlived the target"
