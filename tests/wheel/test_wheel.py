"""`pip install .` gives one wheel that works in a venv of every interpreter."""

import os
import re
import subprocess
import zipfile
from pathlib import Path
from typing import List

import pytest

from interpreters import Interpreter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]  # the core is compiled once


def run(command: List[str], **options) -> str:
    """Output of a command that must succeed; its output is the message where it does not."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == 0, "%s\n%s" % (" ".join(command), done.stdout)
    return done.stdout


@pytest.fixture(scope="session")
def version(repository: Path) -> str:
    found = re.search(r"project\(unleak VERSION ([0-9.]+)", (repository / "CMakeLists.txt").read_text())
    assert found
    return found.group(1)


@pytest.fixture(scope="session")
def wheel(wheel_build) -> Path:
    """The wheel, built as a user's pip builds it (conftest.py)."""
    return wheel_build.finish()


def test_package_and_core_say_the_same_version(repository: Path, version: str) -> None:
    assert '__version__ = "%s"' % version in (repository / "python" / "unleak" / "__init__.py").read_text()


def test_name_says_that_any_python_will_do(wheel: Path, version: str) -> None:
    assert wheel.name == "unleak-%s-py3-none-linux_%s.whl" % (version, os.uname().machine)


def test_holds_the_package_and_the_core(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"unleak/cli/main.py", "unleak/_native/libunleak.so", "unleak/_native/unleak-capture"} <= names
    assert not [name for name in names if name.endswith((".a", ".pyc", ".cc", ".h"))]


def test_core_needs_the_c_library_alone(wheel: Path, tmp_path: Path, tool) -> None:
    readelf = tool("readelf")
    zipfile.ZipFile(wheel).extractall(tmp_path)
    for file in sorted((tmp_path / "unleak" / "_native").iterdir()):
        needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", run([readelf, "--dynamic", str(file)])))
        assert needed <= {"libc.so.6", "libm.so.6", "libpthread.so.0", "ld-linux-x86-64.so.2"}, file.name


def test_works_in_a_venv(wheel: Path, version: str, interpreter: Interpreter, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    run([interpreter.exe, "-m", "venv", str(venv)])
    run([str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", str(wheel)])
    environment = {"PATH": os.defpath, "HOME": str(tmp_path)}
    assert version in run([str(venv / "bin" / "unleak"), "--version"], env=environment, cwd=str(tmp_path))
