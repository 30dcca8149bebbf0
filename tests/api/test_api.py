"""The questions that a program asks about its own objects, on every interpreter."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import interpreters
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).resolve().parent / "program.py"
CASES = re.findall(r"^def (case_\w+)", PROGRAM.read_text(), re.MULTILINE)


def run(python, *arguments, **options):
    """Standard output of a program that finds the package."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "PYTHONIOENCODING": "utf-8", **options}
    done = subprocess.run([python, "-B", *arguments], env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.mark.parametrize("python", interpreters.interpreters(), ids=lambda i: i.tag)
def test_every_case_holds(python):
    printed = run(python.exe, str(PROGRAM))
    held = re.findall(r"^ok (\w+)$", printed, re.MULTILINE)
    assert held == CASES and printed.endswith("end %d\n" % len(CASES)), printed


@pytest.mark.parametrize("python", interpreters.interpreters(), ids=lambda i: i.tag)
def test_nothing_is_imported_before_it_is_used(python):
    code = (
        "import sys; before = set(sys.modules); import unleak; print(sorted(set(sys.modules) - before));"
        "unleak.watch; print('unleak.api.watching' in sys.modules, 'unleak.api.growing' in sys.modules)"
    )
    assert run(python.exe, "-c", code).split("\n")[:2] == ["['unleak']", "True False"]


def test_all_names_of_the_package_are_there():
    import unleak

    assert {"watch", "expect_freed", "growth", "explain", "StillAlive"} <= set(dir(unleak))
    assert all(getattr(unleak, name) for name in unleak.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        unleak.nothing  # noqa: B018


def test_the_examples_of_the_documentation_run(tmp_path):
    blocks = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "docs" / "api.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert len(blocks) >= 4
    for at, block in enumerate(blocks):
        path = tmp_path / ("example%d.py" % at)
        path.write_text(block, "utf-8")
        run(sys.executable, str(path))
