"""Evidence from a real run: a document of `diagnose`, and a snapshot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import interpreters
import pytest
from targets import start_target

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import functools, sys, time

class Table:
    @functools.cache
    def total(self, column):
        return column

def step(number):
    Table().total(number)

print("READY", flush=True)
number = 0
while True:
    number += 1
    step(number)
    time.sleep(0.005)
"""
FILLING = PROGRAM.replace("@functools.cache", "@functools.lru_cache(maxsize=100000)")
OTHER = "import functools\n\n\nclass B:\n    @functools.cache\n    def m(self):\n        return 1\n"


def unleak(*words):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    done = subprocess.run(
        [sys.executable, "-m", "unleak", *words], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory):
    """A folder with the program, a file that it never loads, a document and a snapshot of it."""
    return look(tmp_path_factory.mktemp("run"), PROGRAM)


def look(folder, program):
    found = interpreters.interpreters()
    python = next((i for i in found if i.tag == "3.12"), found[0])
    (folder / "program.py").write_text(program)
    (folder / "other.py").write_text(OTHER)
    with start_target(python.exe, folder / "program.py") as target:
        target.wait_ready()
        (folder / "verdict.json").write_text(unleak("diagnose", str(target.pid), "--duration", "8", "--json"))
        unleak("snapshot", str(target.pid), "-o", str(folder / "one.unleak"))
    return folder


def verdicts(folder, evidence, *words):
    document = json.loads(unleak("check", str(folder), "--json", "--evidence", str(folder / evidence), *words))
    return {Path(f["path"]).name: (f["verdict"], f["certainty"]) for f in document["findings"]}


def test_a_document_confirms_what_leaked_and_leaves_the_rest(looked_at):
    found = verdicts(looked_at, "verdict.json")
    assert found == {"program.py": ("confirmed", "confirmed"), "other.py": ("", "probable")}


def test_a_snapshot_tells_which_files_were_loaded(looked_at):
    found = verdicts(looked_at, "one.unleak")
    assert found == {"program.py": ("", "probable"), "other.py": ("not exercised", "probable")}


def test_a_cache_that_was_seen_to_fill_up_is_dismissed(tmp_path):
    found = verdicts(look(tmp_path, FILLING), "verdict.json", "--select", "bounded-cached-method")
    assert found["program.py"][0] == "dismissed", (tmp_path / "verdict.json").read_text()
