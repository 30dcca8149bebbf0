"""Targets in control groups that leave next to nothing: a look never costs them a process or their life."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List

import pytest
from groups import Group, NoGroup, killed, nearly_full
from places import HERE


class Limited:
    def __init__(self, group: Group, *arguments: str):
        command = [sys.executable, str(HERE / "limits_target.py"), *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=group.join)
        assert self.process.stdout.readline() == b"ready\n"

    def end(self) -> int:
        """What went wrong in it."""
        out, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, "it was killed"
        return int(out)


@pytest.fixture
def limited() -> Iterator:
    made: List = []

    def start(controller: str, *arguments: str):
        try:
            group = Group(controller)
        except NoGroup as why:
            pytest.skip(str(why))
        made.append((group, None))
        target = Limited(group, *arguments)
        made[-1] = (group, target)
        return group, target

    yield start
    for group, target in made:
        if target is not None:
            target.process.kill()
            target.process.communicate()
        group.folder.rmdir()


def take(capture_tool: str, pid: int, folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [capture_tool, "snapshot", str(pid), "-o", str(folder / "look"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("options", [[], ["--max-pause", "60000"], ["--max-pause", "60000", "--max-extra", "1000000"]])
def test_a_group_that_is_nearly_full(options: List[str], limited, capture_tool: str, tmp_path: Path) -> None:
    group, target = limited("memory", "write", "100")
    nearly_full(group)
    ran = take(capture_tool, target.process.pid, tmp_path, *options)
    if ran.returncode == 0:
        assert json.loads(ran.stdout)["producer"] == "reader"
    else:
        assert (
            ran.returncode == 3
            and "MiB" in ran.stderr
            and "try: unleak diagnose %d --" % target.process.pid in ran.stderr
        )
    assert killed(group) == 0
    assert group.version2 or group.number("memory.failcnt") == 0
    if options:
        assert ran.returncode == 0, ran.stderr
    assert target.end() == 0


def test_no_process_is_left(limited, capture_tool: str, tmp_path: Path) -> None:
    group, target = limited("pids", "fork")
    group.set(2, "pids.max")  # itself and the child that it needs
    for _ in range(3):
        ran = take(capture_tool, target.process.pid, tmp_path, "--max-pause", "60000")
        assert ran.returncode == 0, ran.stderr
        facts = json.loads(ran.stdout)
        assert facts["producer"] == "reader" and any("pids.max = 2" in note for note in facts["notes"])
    refused = take(capture_tool, target.process.pid, tmp_path, "--max-pause", "2")
    assert refused.returncode == 3 and "would stop it for about" in refused.stderr
    assert "echo 10 > %s" % (group.folder / "pids.max") in refused.stderr
    assert target.end() == 0, "a fork failed in the target"
    assert group.events("max", "pids.events") == 0
