"""Programs whose source lies in an archive, is only compiled, is frozen, or was a cell of a notebook: the lines are found."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import interpreters
import pytest
from targets import start_target

from unleak.cli import engine
from unleak.source import answer
from unleak.source.files import TargetFiles

ROOT = Path(__file__).resolve().parents[2]
SHOP = """
ACTIVE = {}

def remember(token):
    ACTIVE[token] = [token]
"""
MAIN = """
import sys
import shop

def work(n):
    shop.remember(n)

for n in range(100):
    work(n)
print("READY", flush=True)
for line in sys.stdin:
    work(line)
    print("done", flush=True)
"""
ENVIRON = """
import os, sys

def work(n):
    os.environ["JOB_%d" % n] = "x"

for n in range(100):
    work(n)
print("READY", flush=True)
for line in sys.stdin:
    print("done", flush=True)
"""
CELLS = """
import sys

def run_cell(number, text):
    exec(compile(text, "<ipython-input-%d-8f3a>" % number, "exec"), globals())

run_cell(1, "ACTIVE = {}")
run_cell(2, "def remember(token):\\n    key = (token,)\\n    ACTIVE[key] = [token]\\n")
for n in range(100):
    remember(n)
print("READY", flush=True)
for line in sys.stdin:
    print("done", flush=True)
"""


def global_of(module, name, container="dict", **more):
    base = {"kind": "module-global", "module": module, "class": "", "function": "", "name": name, "inner": []}
    return {**base, "container": container, **more}


def ask_target(python, path, holder, folder, **more):
    """Places that a look at the running program leads to."""
    with start_target(python.exe, path, **more) as target:
        target.wait_ready()
        file = folder / "look.unleak"
        words = [sys.executable, "-m", "unleak", "snapshot", str(target.pid), "-o", str(file)]
        env = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
        subprocess.run(words, env=env, check=True, capture_output=True, timeout=120)
    session = engine.Session({})
    session.add(engine.Snapshot.open(str(file)))
    page = session.questions()
    session.close()
    page.update(root="", questions=[{"id": "q", "ask": "stored", "holder": holder}])
    found = answer(page)
    places = found["answers"].get("q", {}).get("places", [])
    return [(Path(p["file"]).name, p["line"], p["function"], p["from"]) for p in places], found["notes"]


def zipped(folder, members):
    archive = folder / "shop.pyz"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(name, text)
    return archive


def pytest_generate_tests(metafunc):
    if "python" in metafunc.fixturenames:
        found = interpreters.interpreters()
        few = metafunc.function.__name__ not in ("test_a_zipapp", "test_compiled_files_only")
        metafunc.parametrize("python", found[:: max(1, len(found) - 1)] if few else found, ids=lambda i: i.tag)


@pytest.mark.slow
def test_a_zipapp(python, tmp_path):
    archive = zipped(tmp_path, {"__main__.py": MAIN, "shop.py": SHOP})
    places, notes = ask_target(python, archive, global_of("shop", "ACTIVE"), tmp_path)
    assert places[0] == ("shop.py", 5, "remember", "source"), notes
    assert ("__main__.py", 6, "work", "source") in places


@pytest.mark.slow
def test_an_egg_on_the_path(python, tmp_path):
    egg = zipped(tmp_path, {"shop.py": SHOP}).rename(tmp_path / "shop-1.0.egg")
    program = tmp_path / "main.py"
    program.write_text("import sys\nsys.path.insert(0, %r)\n" % str(egg) + MAIN)
    places, notes = ask_target(python, program, global_of("shop", "ACTIVE"), tmp_path)
    assert places[0] == ("shop.py", 5, "remember", "source"), notes


@pytest.mark.slow
def test_compiled_files_only(python, tmp_path):
    source = tmp_path / "shop.py"
    source.write_text(SHOP)
    words = [python.exe, "-c", "import py_compile; py_compile.compile('shop.py', 'shop.pyc', doraise=True)"]
    subprocess.run(words, cwd=tmp_path, check=True, timeout=60)
    source.unlink()
    program = tmp_path / "main.py"
    program.write_text(MAIN)
    places, notes = ask_target(python, program, global_of("shop", "ACTIVE"), tmp_path)
    assert places[0] == ("shop.py", 5, "remember", "bytecode"), notes


@pytest.mark.slow
def test_a_module_that_is_frozen_into_python(python, tmp_path):
    program = tmp_path / "main.py"
    program.write_text(ENVIRON)
    holder = global_of("os", "environ", inner=["._data"])
    places, notes = ask_target(python, program, holder, tmp_path)
    assert ("main.py", 5, "work", "source") in places[:3], (places, notes)


@pytest.mark.slow
def test_cells_of_a_notebook(python, tmp_path):
    program = tmp_path / "main.py"
    program.write_text(CELLS)
    places, notes = ask_target(python, program, global_of("__main__", "ACTIVE"), tmp_path)
    assert places[0] == ("<ipython-input-2-8f3a>", 3, "remember", "bytecode"), (places, notes)


def test_reads_members_of_an_archive_under_the_root(tmp_path):
    archive = zipped(tmp_path, {"pkg/mod.py": "x = 1\n"})
    with TargetFiles(str(tmp_path)) as files:
        assert files.read("/shop.pyz/pkg/mod.py") == b"x = 1\n"
        assert files.read("/shop.pyz/pkg/none.py") is None and "not in the archive" in files.notes[-1]
    archive.write_bytes(archive.read_bytes()[:-30])
    with TargetFiles(str(tmp_path)) as files:
        assert files.read("/shop.pyz/pkg/mod.py") is None and "no zip archive" in files.notes[-1]


def test_a_member_that_is_too_large_or_broken_is_a_note(tmp_path):
    archive = zipped(tmp_path, {"big.py": "#" * 5000, "bad.py": "x = 1\n" * 50})
    data = bytearray(archive.read_bytes())
    at = data.index(b"bad.py") + len("bad.py")
    data[at : at + 8] = b"\xff" * 8
    archive.write_bytes(bytes(data))
    with TargetFiles("", max_bytes=1000) as files:
        assert files.read(str(archive) + "/big.py") is None and "larger than" in files.notes[-1]
        assert files.read(str(archive) + "/bad.py") is None and "cannot be read" in files.notes[-1]
