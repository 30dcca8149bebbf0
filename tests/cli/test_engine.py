"""Errors of the core reach a person as the reason, the hint and an exit status."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

from unleak.cli import engine, errors

ROOT = Path(__file__).resolve().parents[2]


def unleak(*words, **env):
    return subprocess.run([sys.executable, "-m", "unleak", *map(str, words)], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "python"), **env})


def test_a_missing_library_is_named(tmp_path):
    (tmp_path / "a.unleak").write_bytes(b"")
    result = unleak("top", tmp_path / "a.unleak", UNLEAK_LIBRARY=str(tmp_path / "none.so"))
    assert result.returncode == 3 and "none.so" in result.stderr and "./dev build" in result.stderr


def test_a_missing_helper_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(engine, "NATIVE", tmp_path)
    with pytest.raises(errors.Failure) as caught:
        engine.capture_program()
    assert "unleak-capture is missing" in caught.value.message


@pytest.mark.parametrize("content", [b"", b"not a snapshot", os.urandom(4096)])
def test_a_foreign_file_is_refused_with_its_name(tmp_path, content):
    path = tmp_path / "foreign.unleak"
    path.write_bytes(content)
    for words in (["top", path], ["diagnose", path], ["cycles", path]):
        result = unleak(*words)
        assert result.returncode == 3 and "foreign.unleak" in result.stderr and "Traceback" not in result.stderr
