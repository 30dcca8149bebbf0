"""One file: what cannot be read is said, suppressions, what is left over of them; and many files in several processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from check_support import run, run_text

from unleak.check import files, registry, workers
from unleak.check.finding import Problem

LEAK = "import functools\nclass A:\n    @functools.cache%s\n    def m(self):\n        return 1\n"


def problem(tmp_path: Path, data: bytes) -> Problem:
    path = tmp_path / "bad.py"
    path.write_bytes(data)
    report = run(path, *registry.all_rules())
    assert not report.findings and len(report.problems) == 1
    return report.problems[0]


@pytest.mark.parametrize(
    "data, said",
    [
        (b"x = 1\0\n", "NUL"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(1, 256)), "its encoding cannot be known"),
        (b"x = 1\ny = 2\nz = '\xe4'\n", "not valid utf-8 (byte 0xe4)"),
        (b"# coding: no-such\nx = 1\n", "unknown encoding: no-such"),
        (b"# coding: ascii\nx = '\xe4'\n", "not valid ascii"),
        (b"try:\n    pass\nexcept E as e:\n    x = = 1\n", "is not syntax of Python %d.%d" % sys.version_info[:2]),
    ],
    ids=["binary", "image", "not utf-8", "unknown encoding", "wrong encoding", "syntax"],
)
def test_what_cannot_be_read_is_said(tmp_path, data, said):
    assert said in problem(tmp_path, data).message


def test_newer_syntax_is_said_with_its_line(tmp_path):
    found = problem(tmp_path, b"import weakref\n\nclass A:\n    x = weakref.finalize(self, 1) <>= 2\n")
    assert found.line == 4 and "if the file is for a newer Python, run unleak with that" in found.message


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + ")" * 5000,
        "-" * 200_000 + "1",
        "x" + ".y" * 200_000,
        "1" + "+1" * 200_000,
        "[" * 150_000,
        "f(" * 3000 + ")" * 3000,
    ],
    ids=["parentheses", "unary", "attributes", "sum", "open", "calls"],
)
def test_deep_nesting_is_found_harmless_or_said(tmp_path, text):
    """In a process of its own, as the command does it: a parser may die of it, the check may not."""
    path = tmp_path / "deep.py"
    path.write_text("import functools\nx = functools.cache\n" + text + "\n")
    (report,) = workers.check([str(path)], list(registry.all_rules()))
    assert report.path == str(path) and not report.findings
    assert all("deep" in p.message or "syntax" in p.message or "too many" in p.message for p in report.problems)


def test_a_declared_encoding_and_a_byte_order_mark_are_read(tmp_path):
    for data in (b"# coding: latin-1\n# \xe4\n" + LEAK.encode() % b"", b"\xef\xbb\xbf" + LEAK.encode() % b""):
        path = tmp_path / "encoded.py"
        path.write_bytes(data)
        assert [f.rule for f in run(path, "cached-method").findings] == ["cached-method"]


def test_too_large_and_not_regular_files_are_said(tmp_path):
    large, pipe = tmp_path / "large.py", tmp_path / "pipe.py"
    with open(large, "wb") as file:
        file.truncate(files.LARGEST + 1)
    os.mkfifo(pipe)
    assert "larger than" in run(large).problems[0].message
    assert "not a regular file" in run(pipe).problems[0].message


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_said(tmp_path):
    path = tmp_path / "secret.py"
    path.write_text("x = 1\n")
    path.chmod(0)
    assert "cannot be read: Permission denied" in run(path).problems[0].message


def test_an_ignore_holds_for_its_line_and_for_the_body_of_a_def_or_class(tmp_path):
    rule = "  # unleak: ignore[cached-method]"
    for text in (LEAK % rule, (LEAK % "").replace("class A:", "class A:" + rule)):
        report = run_text(tmp_path, text)
        assert not report.findings and [f.rule for f in report.suppressed] == ["cached-method"]


def test_an_ignore_at_the_top_holds_for_the_file(tmp_path):
    report = run_text(tmp_path, "# unleak: ignore[cached-method]\n" + LEAK % "")
    assert not report.findings and len(report.suppressed) == 1


def test_an_ignore_of_another_rule_is_told_and_suppresses_nothing(tmp_path):
    report = run_text(tmp_path, LEAK % "  # unleak: ignore[self-containing-container, no-such]")
    assert sorted(f.rule for f in report.findings) == ["cached-method", "unused-ignore", "unused-ignore"]
    messages = " ".join(f.message for f in report.findings)
    assert "self-containing-container finds nothing here" in messages and "there is no rule no-such" in messages


def test_an_ignore_without_a_rule_is_told(tmp_path):
    report = run_text(tmp_path, LEAK % "  # unleak: ignore")
    assert sorted(f.rule for f in report.findings) == ["cached-method", "unused-ignore"]


def test_an_ignore_of_a_rule_that_did_not_run_is_not_told(tmp_path):
    report = run_text(tmp_path, "x = 1  # unleak: ignore[cached-method]\n", "whole-file-read")
    assert not report.findings


def test_a_string_that_looks_like_an_ignore_is_none(tmp_path):
    report = run_text(tmp_path, 'x = "# unleak: ignore[cached-method]"\n# as in `# unleak: ignore[x]`\n')
    assert not report.findings


def test_a_rule_that_fails_costs_no_other_its_findings(tmp_path, monkeypatch):
    rules = dict(registry.all_rules())
    broken = rules["frame-in-own-local"]._replace(check=lambda module: 1 / 0, words=())
    monkeypatch.setattr(registry, "all_rules", lambda: {**rules, "frame-in-own-local": broken})
    report = run_text(tmp_path, LEAK % "", *rules)
    assert [f.rule for f in report.findings] == ["cached-method"]
    assert "the rule frame-in-own-local failed: ZeroDivisionError" in report.problems[0].message


def test_a_fingerprint_stays_when_lines_move_and_differs_between_places(tmp_path):
    first = run_text(tmp_path, LEAK % "").findings[0]
    moved = run_text(tmp_path, "\n\n" + LEAK % "").findings[0]
    other = run_text(tmp_path, (LEAK % "").replace("class A", "class B")).findings[0]
    assert first.fingerprint == moved.fingerprint != other.fingerprint


def test_folders_are_searched_without_what_is_not_the_programs_own(tmp_path):
    for name in (
        "a.py",
        "b.pyw",
        "c.txt",
        ".hidden/d.py",
        "venv/e.py",
        "made/pyvenv.cfg",
        "made/f.py",
        "sub/g.py",
        "sub/h_pb2.py",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    found, problems = files.listed([str(tmp_path), str(tmp_path / "no-such")], ["*_pb2.py"])
    assert [str(Path(p).relative_to(tmp_path)) for p in found] == ["a.py", "b.pyw", "sub/g.py"]
    assert [p.message for p in problems] == ["there is no such file or folder"]


def test_many_processes_report_what_one_does(tmp_path):
    paths = []
    for number in range(100):
        path = tmp_path / ("m%03d.py" % number)
        path.write_text(LEAK % "" + "# " + "x" * number + "\n")
        paths.append(str(path))
    one = sorted(workers.check(paths, ["cached-method"], 1))
    many = sorted(workers.check(paths, ["cached-method"], 3))
    assert one == many and len(one) == 100 and all(len(report.findings) == 1 for report in one)


def test_a_worker_that_dies_is_named_by_its_file_and_costs_no_other(tmp_path):
    code = (
        "import os, sys\n"
        "from unleak.check import engine, workers\n"
        "check = engine.check_file\n"
        "engine.check_file = lambda path, rules: os.kill(os.getpid(), 9) if 'bad' in path else check(path, rules)\n"
        "for report in workers.check(sys.argv[1:], ['cached-method'], 2):\n"
        "    print(os.path.basename(report.path), *[p.message for p in report.problems])\n"
    )
    for name in ("a.py", "bad.py", "c.py"):
        (tmp_path / name).write_text("x = 1\n")
    paths = [str(tmp_path / name) for name in ("a.py", "bad.py", "c.py")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, *paths], env=environment, capture_output=True, text=True, timeout=60
    )
    lines = sorted(done.stdout.splitlines())
    assert (
        lines[0] == "a.py"
        and lines[2] == "c.py"
        and lines[1].startswith("bad.py the parser of this Python dies of it (signal 9)")
    )
