"""Live targets and the tool that looks at them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from places import Places, Target  # noqa: E402
from raw_snapshot import Snapshot  # noqa: E402


@pytest.fixture(scope="session")
def capture_tool(repository: Path) -> str:
    """The path of unleak-capture: $UNLEAK_CAPTURE, or what `./dev build` installed."""
    chosen = os.environ.get("UNLEAK_CAPTURE")
    path = Path(chosen) if chosen else repository / "python" / "unleak" / "_native" / "unleak-capture"
    assert os.access(path, os.X_OK), "%s is missing: ./dev build makes it" % path
    return str(path)


@pytest.fixture
def target() -> Iterator[Callable[..., Target]]:
    """target(exe, file, *arguments) starts a program of this folder."""
    started: List[Target] = []

    def start(exe: str, file: str, *arguments: str) -> Target:
        started.append(Target([exe, str(HERE / file), *arguments]))
        return started[-1]

    yield start
    for one in started:
        assert one.end() == 0, "the target did not end well after the look"


@pytest.fixture
def place() -> Iterator[Places]:
    """place(command) starts what prints "ready" and waits for a byte, by way of other programs; skips where it cannot."""
    places = Places()
    yield places
    places.end()


@pytest.fixture
def look(capture_tool: str, tmp_path: Path) -> Callable[..., Snapshot]:
    """look(pid) takes a raw snapshot and reads it; `.facts` are what the tool printed."""

    def take(pid: int, *options: str) -> Snapshot:
        path = tmp_path / "look.unleak"
        ran = subprocess.run([capture_tool, "snapshot", str(pid), "--raw", "-o", str(path), *options],
                             capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stderr
        snapshot = Snapshot(path)
        snapshot.facts = json.loads(ran.stdout)  # type: ignore[attr-defined]
        return snapshot

    return take


@pytest.fixture
def inspect(capture_tool: str) -> Callable[[int], Dict[str, Any]]:
    """What `unleak-capture inspect` says of a process."""

    def ask(pid: int) -> Dict[str, Any]:
        ran = subprocess.run([capture_tool, "inspect", str(pid)], capture_output=True, text=True, timeout=30)
        return json.loads(ran.stdout)

    return ask
