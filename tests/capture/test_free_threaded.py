"""Free-threaded builds, whose collector keeps no lists: what it knows is found in the allocator's pages, symbols or not."""

import os
import subprocess
from pathlib import Path
from typing import Dict

import pytest

import interpreters
from interpreters import Interpreter

PROGRAM = str(Path(__file__).resolve().with_name("free_threaded_target.py"))
SYMBOLS = (b"_PyRuntime", b"Py_Version", b"PyThreadState_GetUnchecked", b"PyUnstable_GC_VisitObjects")
WAYS = ([], ["--reader"], ["--copy", "--max-pause", "5000"])


@pytest.fixture(params=[one for one in interpreters.interpreters() if one.free_threaded], ids=lambda one: one.tag)
def python(request) -> Interpreter:
    return request.param


@pytest.fixture
def home(python: Interpreter) -> Dict[str, str]:
    show = "import sys; print(sys.base_prefix)"
    ran = subprocess.run([python.exe, "-c", show], check=True, capture_output=True, text=True)
    return {**os.environ, "PYTHONHOME": ran.stdout.strip()}


@pytest.fixture
def nameless(python: Interpreter, tmp_path: Path) -> str:
    """A copy of the interpreter in which what a look asks for by name is called otherwise, as if it had been stripped."""
    program = Path(python.exe).resolve().read_bytes()
    if not all(b"\0%s\0" % name in program for name in SYMBOLS):
        pytest.skip("%s has its code in a library" % python.tag)
    for name in SYMBOLS:
        program = program.replace(b"\0%s\0" % name, b"\0%s\0" % (b"-" * len(name)))
    copy = tmp_path / "python"
    copy.write_bytes(program)
    copy.chmod(0o755)
    return str(copy)


def check(snapshot, way) -> None:
    """Against what the collector of the target says (it keeps their number in the name of a type)."""
    names = snapshot.type_names()
    counts = {names[i].rsplit(".", 1)[-1]: sum(index == i for index in snapshot.type) for i in set(snapshot.type)}
    assert {name: counts.get(name) for name in ("Plain", "Slotted", "Ended")} == {
        "Plain": 5000,
        "Slotted": 5000,
        "Ended": 500,
    }, way
    assert all(snapshot.facts[name] == 0 for name in ("faults", "bad_edges", "broken_links")), way
    wanted = int(next(name.rsplit("_", 1)[1] for name in names if "Tracked_" in name))
    tracked = sum(flags & 1 for flags in snapshot.flags)
    assert abs(tracked - wanted) <= 5, (way, tracked, wanted)


@pytest.mark.parametrize("setting", ["", "debug"])
def test_all_objects_are_found(python: Interpreter, home: Dict[str, str], setting: str, place, look) -> None:
    target = place([python.exe, PROGRAM], env={**home, "PYTHONMALLOC": setting})
    for way in WAYS:
        check(look(target.pid, *way), way)


def test_all_objects_are_found_without_symbols(nameless: str, home: Dict[str, str], place, look) -> None:
    target = place([nameless, PROGRAM], env=home)
    for way in WAYS:
        check(look(target.pid, *way), way)
