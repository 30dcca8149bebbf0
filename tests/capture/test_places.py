"""Targets in odd places: namespaces of their own, a root that is not ours, a binary that is stripped or gone."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List

import interpreters
import pytest
from places import PROGRAM


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


@pytest.mark.parametrize("how", [[], ["--reader"]])
def test_a_slim_container_with_another_c_library(how: List[str], place, look, tmp_path: Path) -> None:
    """Its root holds a Python on musl and nothing else, in namespaces of its own."""
    found = sorted((interpreters.fetched_root() / "musl" / "bin").glob("python3.*"))
    loader = Path("/lib/ld-musl-%s.so.1" % os.uname().machine)
    if not found or not loader.exists():
        pytest.skip("no CPython on musl here: tools/get_musl_python.sh makes one")
    shutil.copytree(found[0].parents[1] / "lib", tmp_path / "python" / "lib")
    for file, folder in ((found[0], "python/bin"), (loader, "lib")):
        (tmp_path / folder).mkdir(exist_ok=True)
        shutil.copy(file, tmp_path / folder)
    inside = ["chroot", str(tmp_path), "/python/bin/" + found[0].name, "-S", "-c", PROGRAM]
    target = place([*unshare("--user", "--map-root-user", "--pid", "--mount", "--fork"), *inside])
    snapshot = look(target.pid, *how)
    assert snapshot.facts["objects"] > 3_000 and snapshot.facts["faults"] == 0
    assert os.readlink("/proc/%d/root" % target.pid) == str(tmp_path)
    assert any("PID namespace" in note for note in snapshot.facts["notes"])


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
