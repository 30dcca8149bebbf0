"""Where settings come from, and how a command line is read."""
import os
import subprocess
import sys

import pytest

from unleak.cli import launch, settings
from unleak.cli.commands import run

needs_toml = pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is 3.11's")


def arguments(unleak, start_program, *flags):
    """What the look was asked for: the settings as they took effect."""
    unleak("diagnose", start_program().pid, "--looks", "1", *flags)
    return unleak.requests("look")[0]


def test_environment(unleak, start_program):
    unleak.env["UNLEAK_MAX_PAUSE"] = "30"
    unleak.env["UNLEAK_ARGV"] = "yes"
    look = arguments(unleak, start_program)
    assert (look["max_pause_ms"], look["argv"]) == (30.0, True)


@needs_toml
def test_pyproject_and_its_order(unleak, start_program):
    (unleak.folder / "pyproject.toml").write_text(
        "[tool.unleak]\nmax-pause = 20\nmax-extra = 3\n[tool.unleak.diagnose]\nmax-pause = 25\nargv = true\n")
    unleak.env["UNLEAK_MAX_EXTRA"] = "4"
    look = arguments(unleak, start_program, "--max-extra", "5")
    assert (look["max_pause_ms"], look["max_extra"], look["argv"]) == (25.0, 0.05, True)


def test_wrong_values_name_where_they_stand(unleak):
    unleak.env["UNLEAK_MAX_PAUSE"] = "soon"
    result = unleak("diagnose", "1")
    assert result.returncode == 2 and "UNLEAK_MAX_PAUSE" in result.stderr
    del unleak.env["UNLEAK_MAX_PAUSE"]
    unleak.env["UNLEAK_FAIL_ON"] = "sometimes"
    assert unleak("diagnose", "1").returncode == 2


@needs_toml
def test_a_broken_pyproject_is_a_usage_error(unleak):
    (unleak.folder / "pyproject.toml").write_text("[tool.unleak]\nlooks = = 3\n")
    result = unleak("diagnose", "1")
    assert result.returncode == 2 and "pyproject.toml" in result.stderr


@pytest.mark.parametrize("words, ours, kind, program", [
    (["--json", "a.py", "--json"], ["--json"], "script", ["a.py", "--json"]),
    (["--python", "/usr/bin/python3", "a.py"], ["--python", "/usr/bin/python3"], "script", ["a.py"]),
    (["--looks=3", "-m", "mod", "-m", "x"], ["--looks=3"], "-m", ["mod", "-m", "x"]),
    (["-c", "code", "a"], [], "-c", ["code", "a"]),
    (["--looks", "3", "--", "ls", "--", "-l"], ["--looks", "3"], "--", ["ls", "--", "-l"])])
def test_what_belongs_to_the_program(words, ours, kind, program):
    parser = settings.parser("run", "run")
    run.add_arguments(parser)
    rest, found = launch.split(words, parser)
    assert (rest, found.kind, found.words) == (ours, kind, program)


def test_the_interpreter_is_the_active_environment_s(monkeypatch, tmp_path):
    exe = tmp_path / "bin" / "python"
    exe.parent.mkdir()
    exe.symlink_to(sys.executable)
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    assert launch.find_python(None) == str(exe)
    monkeypatch.delenv("VIRTUAL_ENV")
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable))
    assert os.path.basename(launch.find_python(None)) == "python3"


def test_commands_are_imported_when_they_are_called():
    """Start-up stays fast because nothing heavy is imported before it is needed."""
    code = ("import sys; sys.argv = ['unleak', '--version']; from unleak.cli.main import main; main();"
            "print([m for m in ('argparse', 'json', 'subprocess', 'ctypes', 'socket', 'ast') if m in sys.modules])")
    out = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True,
                         env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}).stdout
    assert out.splitlines()[-1] == "[]"


def test_unknown_commands_are_usage_errors_with_a_suggestion(unleak):
    result = unleak("diagnos")
    assert result.returncode == 2 and "unleak diagnose" in result.stderr
    assert unleak("--version").stdout.startswith("unleak 0.")
    assert "diagnose" in unleak("--help").stdout
