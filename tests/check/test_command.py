"""`unleak check` as it is called: selection, formats, settings, exit status; on every interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import interpreters
import pytest

from unleak.check import registry

ROOT = Path(__file__).resolve().parents[2]
LEAK = "import functools\n\n\nclass A:\n    @functools.cache\n    def m(self):\n        return 1\n"
MAYBE = "def f(path):\n    return open(path).read()\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "leak.py").write_text(LEAK)
    (tmp_path / "maybe.py").write_text(MAYBE)
    return tmp_path


def check(cwd, *words, python=sys.executable, **variables):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "PYTHONIOENCODING": "utf-8", **variables}
    command = [python, "-B", "-m", "unleak", "check", *words]
    return subprocess.run(command, cwd=str(cwd), env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("python", interpreters.interpreters(), ids=lambda i: i.tag)
def test_every_interpreter_finds_the_same(folder, python):
    done = check(folder, ".", "--select", "all", python=python.exe)
    assert done.returncode == 1 and not done.stderr
    assert (
        "./leak.py:5:6: cached-method [probable]" in done.stdout and "./maybe.py:2:12: whole-file-read" in done.stdout
    )


@pytest.mark.parametrize("python", interpreters.interpreters(), ids=lambda i: i.tag)
def test_syntax_of_a_newer_python_is_said_and_the_rest_is_checked(folder, python):
    (folder / "new.py").write_text(
        "import weakref\nmatch x:\n    case weakref.ref(y): ...\n\ntype A[T = int] = finalize[T]\n"
    )
    done = check(folder, ".", python=python.exe)
    assert "leak.py" in done.stdout and done.returncode == 1
    assert ("new.py:" in done.stderr and "is not syntax of Python" in done.stderr) == (python.version < (3, 13))


def test_nothing_found(folder):
    done = check(folder, "maybe.py")
    assert (done.returncode, done.stdout[:11]) == (0, "no findings")


def test_a_path_that_is_not_there_cannot_be_done(folder):
    done = check(folder, "leak.py", "no-such")
    assert (
        done.returncode == 3
        and "no-such: there is no such file or folder" in done.stderr
        and "cached-method" in done.stdout
    )


def test_no_file_that_could_be_read_cannot_be_done(folder):
    (folder / "leak.py").write_bytes(b"\0")
    assert check(folder, "leak.py").returncode == 3


def test_usage(folder):
    assert check(folder).returncode == 2
    done = check(folder, ".", "--select", "cached-metod")
    assert done.returncode == 2 and "did you mean cached-method or" in done.stderr
    assert check(folder, ".", "--ignore", "all").returncode == 2


def test_selection_by_name_and_group_and_what_counts_for_the_exit_status(folder):
    assert check(folder, ".", "--ignore", "cache").returncode == 0
    possible = check(folder, ".", "--select", "read")
    assert possible.returncode == 0 and "whole-file-read [possible]" in possible.stdout
    assert check(folder, ".", "--select", "read", "--fail-on", "possible").returncode == 1
    assert check(folder, ".", "--fail-on", "never").returncode == 0
    assert "2 findings" in check(folder, ".", "--extend-select", "whole-file-read").stdout


def test_settings_of_pyproject(folder):
    (folder / "pyproject.toml").write_text(
        '[tool.unleak.check]\nselect = ["default", "whole-file-read"]\nexclude = ["gen*"]\n'
        '[tool.unleak.check.per-file-ignores]\n"leak.py" = ["cache"]\n'
    )
    (folder / "generated.py").write_text(LEAK)
    done = check(folder, ".")
    if sys.version_info >= (3, 11):
        assert "whole-file-read" in done.stdout and "cached-method" not in done.stdout
    flag = check(folder, ".", "--select", "cached-method", UNLEAK_EXCLUDE="leak.py")
    assert "./generated.py:5:6: cached-method" in flag.stdout and "leak.py" not in flag.stdout, (
        "the environment goes first"
    )


def test_explain(folder):
    page = check(folder, "--explain", "cached-method").stdout
    assert page.startswith("# cached-method") and "python-poetry/poetry@dba8df119" in page and "ignore[cached-method]" in page
    listed = check(folder, "--explain", "all").stdout
    assert all("[%s]" % name in listed for name in registry.all_rules())
    assert check(folder, "--explain", "no-such").returncode == 2


def test_json(folder):
    document = json.loads(check(folder, ".", "--json", "--select", "all").stdout)
    assert document["schema"] == 1 and document["files"] == 2 and document["lines"] == 9
    found = {finding["rule"]: finding for finding in document["findings"]}
    assert found["cached-method"]["path"] == "./leak.py" and found["cached-method"]["subject"] == "A.m"
    assert found["cached-method"]["code"] == "@functools.cache" and found["cached-method"]["certainty"] == "probable"


def test_output_goes_to_a_file_whole_or_not_at_all(folder):
    done = check(folder, ".", "--format", "sarif", "-o", "out.sarif")
    assert done.stdout == "" and json.loads((folder / "out.sarif").read_text())["version"] == "2.1.0"
    assert check(folder, ".", "-o", "no-such/out").returncode == 3
    assert sorted(p.name for p in folder.iterdir()) == ["leak.py", "maybe.py", "out.sarif"]


def test_github_annotations_escape_what_would_end_them(folder):
    (folder / "odd,na:me%.py").write_text(LEAK)
    line = check(folder, "odd,na:me%.py", "--format", "github").stdout.splitlines()[0]
    assert line.startswith(
        "::warning file=odd%2Cna%3Ame%25.py,line=5,endLine=5,col=6,endColumn=21,title=unleak%3A cached-method"
    )


def test_names_of_files_cannot_steer_a_terminal(folder):
    (folder / "a\x1b[31m.py").write_text(LEAK)
    done = check(folder, ".")
    assert "\x1b" not in done.stdout and "a\\x1b[31m.py" in done.stdout
