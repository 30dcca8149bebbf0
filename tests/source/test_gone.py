"""Programs whose source is deleted, edited, or was never a file: a look at the process keeps what names the lines."""

import json
import os
import subprocess
import sys
from pathlib import Path

import interpreters
import pytest
from targets import start_target

from unleak.cli import engine
from unleak.source import answer

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys

class Session:
    pass

ACTIVE = {}

def remember(token):
    ACTIVE[token] = Session()

def warm(n):
    for k in range(2000):       # specialized by now, where the version does that
        remember(n * 2000 + k)

exec(compile('''
MADE = []
def make():
    MADE.append(object())
''', "<made>", "exec"))
warm(0)
print("READY", flush=True)
for n, line in enumerate(sys.stdin, 1):
    warm(n)
    make()
    print("done", flush=True)
"""
pytestmark = pytest.mark.slow


def pytest_generate_tests(metafunc):
    if "python" in metafunc.fixturenames:
        metafunc.parametrize("python", interpreters.interpreters(), ids=lambda i: i.tag)


@pytest.fixture
def look(tmp_path):
    """Starts the program, lets `change` happen to its file, looks at it, and returns what a question of it gets."""

    def ask(python, change, name, more=""):
        path = tmp_path / "shop.py"
        path.write_text(PROGRAM + more)
        os.utime(path, (1e9, 1e9))  # older than the process: only what `change` does is newer
        with start_target(python.exe, path) as target:
            target.wait_ready()
            change(path)
            assert target.ask("go") == "done"
            file = tmp_path / "look.unleak"
            env = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
            subprocess.run(
                [sys.executable, "-m", "unleak", "snapshot", str(target.pid), "-o", str(file)],
                env=env,
                check=True,
                capture_output=True,
                timeout=120,
            )
        session = engine.Session({})
        session.add(engine.Snapshot.open(str(file)))
        page = session.questions()
        session.close()
        holder = {
            "kind": "module-global",
            "module": "__main__",
            "class": "",
            "function": "",
            "name": name,
            "inner": [],
            "container": "dict",
        }
        page.update(root="", questions=[{"id": "q", "ask": "stored", "holder": holder}])
        found = answer(json.loads(json.dumps(page)))
        places = found["answers"].get("q", {}).get("places", [])
        return [(p["line"], p["function"], p["from"]) for p in places], page, found["notes"]

    return ask


STORES = (10, "remember")


def test_a_deleted_file(look, python):
    places, _, _ = look(python, lambda path: path.unlink(), "ACTIVE")
    assert places[0] == (*STORES, "bytecode")


def test_an_edited_file(look, python):
    places, _, notes = look(python, lambda path: path.write_text("# a line more\n" + PROGRAM), "ACTIVE")
    assert places[0] == (*STORES, "bytecode") and any("not what runs" in n for n in notes)


def test_a_touched_file_is_still_the_source(look, python):
    places, _, notes = look(python, lambda path: os.utime(path), "ACTIVE")
    assert places[0] == (*STORES, "source") and not any("changed" in n for n in notes)


def test_code_made_by_exec(look, python):
    places, page, _ = look(python, lambda path: None, "MADE")
    assert places[0] == (4, "make", "bytecode")
    if python.version <= sys.version_info[:2]:
        kept = {body["file"] for body in page["bytecode"]}
        assert not any(file.endswith("shop.py") for file in kept), "the file is there: nothing is kept of it"


NEWER = """
def newer():
    try:
        return t"{len(ACTIVE)}"
    except KeyError, ValueError:
        return None
"""


def test_a_file_in_newer_syntax_than_ours(look, python):
    if python.version < (3, 14) or sys.version_info[:2] >= (3, 14):
        pytest.skip("needs a target whose syntax this interpreter does not parse")
    places, _, _ = look(python, lambda path: None, "ACTIVE", NEWER)
    assert places[0] == (*STORES, "bytecode")
