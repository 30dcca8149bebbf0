"""Targets in odd places: namespaces of their own, a root that is not ours, a binary that is stripped or gone."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List

import pytest

PROGRAM = "import os; os.write(1, b'ready\\n'); os.read(0, 1)"


class Place:
    """A program that was started by way of others; the Python that waits is their last descendant."""

    def __init__(self, command: List[str], **options):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
        )
        self.ready = self.process.stdout.readline() == b"ready\n"

    @property
    def pid(self) -> int:
        found = self.process.pid
        while True:
            children = Path("/proc/%d/task/%d/children" % (found, found)).read_text().split()
            if not children:
                return found
            found = int(children[0])

    def end(self) -> int:
        self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.fixture
def place() -> Iterator:
    made: List[Place] = []

    def start(command: List[str], **options) -> Place:
        made.append(Place(command, **options))
        if not made[-1].ready:
            error = made[-1].process.communicate()[1].decode()
            made.clear()
            pytest.skip("cannot be made here: %s" % error.strip()[-200:])
        return made[-1]

    yield start
    for one in made:
        assert one.end() == 0, "the target did not end well after the look"


def unshare(*options: str) -> List[str]:
    tool = shutil.which("unshare")
    if tool is None:
        pytest.skip("unshare is not there")
    return [tool, *options]


@pytest.mark.parametrize("how", [[], ["--reader"], ["--copy", "--max-pause", "5000"]])
def test_namespaces_of_its_own(how: List[str], place, look) -> None:
    command = unshare("--user", "--map-root-user", "--pid", "--mount", "--fork", "--mount-proc")
    target = place([*command, sys.executable, "-c", PROGRAM])
    snapshot = look(target.pid, *how)
    assert snapshot.facts["objects"] > 5_000
    assert any("PID namespace" in note for note in snapshot.facts["notes"])
    assert [t["native_id"] for t in snapshot.threads()] == [target.pid], "threads are called as we see them"


def test_a_root_that_is_not_ours(place, look, tmp_path: Path) -> None:
    """Its files are there below its own root only; below ours another file has their names."""
    folders = sorted({"/usr", "/lib", "/lib64", "/bin", "/proc", str(Path(sys.base_prefix))})
    mounts = "".join(
        "mkdir -p {1}{0} && mount --rbind {0} {1}{0} && ".format(folder, tmp_path)
        for folder in folders
        if os.path.isdir(folder)
    )
    python = os.path.realpath(sys.executable)
    shell = mounts + "exec chroot %s %s -S -c '%s'" % (tmp_path, python, PROGRAM.replace("'", '"'))
    target = place([*unshare("--mount"), "/bin/sh", "-c", shell])
    snapshot = look(target.pid)
    assert snapshot.facts["objects"] > 3_000
    assert os.readlink("/proc/%d/root" % target.pid) == str(tmp_path)


def test_a_binary_that_is_stripped_and_then_gone(place, look, tmp_path: Path) -> None:
    strip = shutil.which("strip")
    if strip is None:
        pytest.skip("strip is not there")
    python = tmp_path / "python"
    shutil.copy(os.path.realpath(sys.executable), python)
    subprocess.run([strip, str(python)], check=True)
    target = place([str(python), "-c", PROGRAM], env={**os.environ, "PYTHONHOME": sys.base_prefix})
    stripped = look(target.pid)
    python.unlink()
    gone, read = look(target.pid), look(target.pid, "--reader")
    assert stripped.facts["objects"] == gone.facts["objects"] == read.facts["objects"] > 5_000
    assert gone.facts["edges"] == read.facts["edges"]
    assert any("replaced or deleted" in note for note in gone.facts["notes"])
