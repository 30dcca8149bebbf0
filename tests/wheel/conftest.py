"""The wheel is built beside the other tests: they wait most of the time, and it takes a core for minutes."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Optional

import pytest

HERE = Path(__file__).resolve().parent


class WheelBuild:
    """`pip wheel .`, started with the first test of the session at the lowest priority, waited for by the tests that need it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="unleak-wheel-")
        self._log = tempfile.TemporaryFile()
        command = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--no-deps",
            "--wheel-dir",
            self._folder.name,
            str(HERE.parents[1]),
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: os.nice(19),
            start_new_session=True,
        )

    def finish(self) -> Path:
        """The wheel; the output of the build is the message where it failed."""
        if self._process.poll() is None:
            os.setpriority(os.PRIO_PGRP, self._process.pid, 0)  # now somebody waits for it
        status = self._process.wait()
        self._log.seek(0)
        assert status == 0, self._log.read().decode("utf-8", "replace")
        (built,) = Path(self._folder.name).glob("*.whl")
        return built

    def end(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, 15)
            self._process.wait()
        self._folder.cleanup()


_build: Optional[WheelBuild] = None


def pytest_runtestloop(session: pytest.Session) -> None:
    global _build
    if not session.config.option.collectonly and any(
        "wheel" in getattr(item, "fixturenames", ()) for item in session.items
    ):
        _build = WheelBuild()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _build is not None:
        _build.end()


@pytest.fixture(scope="session")
def wheel_build() -> WheelBuild:
    assert _build is not None, "it was started with the session"
    return _build
