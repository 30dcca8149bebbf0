"""What ends in the middle of a look: the target by itself, by exec, by the OOM killer; the disk; the tool."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import List

import pytest
from places import HERE, Target
from groups import LIMIT, USED, Group, NoGroup, killed

TIMES = 5
"""Moments at which each thing happens, spread over what a look takes."""


@pytest.fixture(scope="module")
def look_s(capture_tool: str, tmp_path_factory) -> float:
    """How long a look at one of these targets takes here and now."""
    target = Target([sys.executable, str(HERE / "endings_target.py"), "end"])
    start = time.monotonic()
    take(capture_tool, target.pid, tmp_path_factory.mktemp("once") / "look").communicate(timeout=120)
    took = time.monotonic() - start
    target.end()
    return took


def take(capture_tool: str, pid: int, path: Path, *options: str) -> "subprocess.Popen[str]":
    command = [capture_tool, "snapshot", str(pid), "-o", str(path), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def moments(name: str, longest: float) -> List[float]:
    chance = random.Random(name)
    return [chance.random() * longest * 1.2 for _ in range(TIMES)]


def check_result(tool: "subprocess.Popen[str]", path: Path) -> None:
    """A complete file, or status 3 with a reason and no file."""
    out, err = tool.communicate(timeout=120)
    assert tool.returncode in (0, 3), err
    assert path.exists() == (tool.returncode == 0)
    assert err.strip() if tool.returncode else json.loads(out)["objects"] > 1_000
    assert [left.name for left in path.parent.iterdir()] == ([path.name] if path.exists() else []), (
        "a temporary file stays"
    )


@pytest.mark.parametrize("how", ["end", "exec"])
def test_a_target_that_ends_or_becomes_another(how: str, capture_tool: str, look_s: float, tmp_path: Path) -> None:
    for number, moment in enumerate(moments(how, look_s)):
        folder = tmp_path / str(number)
        folder.mkdir()
        target = Target([sys.executable, str(HERE / "endings_target.py"), how])
        tool = take(capture_tool, target.pid, folder / "look")
        time.sleep(moment)
        target.process.stdin.write(b"go on\n")
        target.process.stdin.flush()
        if how == "exec":
            assert target.process.stdout.readline() == b"another\n"
        check_result(tool, folder / "look")
        assert target.end() == 7


def test_a_target_that_the_oom_killer_ends(capture_tool: str, look_s: float, tmp_path: Path) -> None:
    for number, moment in enumerate(moments("oom", look_s)[: TIMES // 2]):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            group = Group("memory")
        except NoGroup as why:
            pytest.skip(str(why))
        target = Target(
            [sys.executable, str(HERE / "endings_target.py"), "grow"],
            preexec_fn=lambda place=group.folder / "cgroup.procs": place.write_text(str(os.getpid())),
        )
        try:
            group.set(group.number(*USED) + (64 << 20), *LIMIT)
            tool = take(capture_tool, target.pid, folder / "look", "--max-extra", "100")
            time.sleep(moment)
            target.process.stdin.write(b"go on\n")
            target.process.stdin.flush()
            check_result(tool, folder / "look")
            assert target.process.wait(timeout=60) == -signal.SIGKILL and killed(group) >= 1
            assert (group.folder / "cgroup.procs").read_text() == "", "a process stays in the group"
        finally:
            target.process.kill()
            target.process.communicate()
            group.folder.rmdir()


def test_a_disk_that_is_full(capture_tool: str, tmp_path: Path) -> None:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("a small file system is made by root only")
    target = Target([sys.executable, str(HERE / "endings_target.py"), "end"])
    small = tmp_path / "small"
    small.mkdir()
    script = 'mount -t tmpfs -o size=1m none "$1" || exit 77; "$2" snapshot "$3" --raw -o "$1/look"; s=$?; ls -A "$1"; exit $s'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(small), capture_tool, str(target.pid)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    target.process.stdin.write(b"go on\n")
    assert target.end() == 7
    if ran.returncode == 77:
        pytest.skip("cannot be mounted here: %s" % ran.stderr.strip())
    assert ran.returncode == 3 and "No space left" in ran.stderr, ran.stderr
    assert ran.stdout == "", "something stays on the disk"


def test_the_tool_killed_leaves_no_half_file(capture_tool: str, look_s: float, tmp_path: Path) -> None:
    target = Target([sys.executable, str(HERE / "endings_target.py"), "end"])
    path = tmp_path / "look"
    for moment in moments("kill", look_s):
        tool = take(capture_tool, target.pid, path)
        time.sleep(moment)
        tool.kill()
        tool.communicate(timeout=60)
        if path.exists():
            verified = subprocess.run([capture_tool, "verify", str(path)], capture_output=True, text=True)
            assert verified.returncode == 0, verified.stderr
            path.unlink()
    target.process.stdin.write(b"go on\n")
    assert target.end() == 7
