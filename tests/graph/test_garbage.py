"""What a look calls garbage against what the collector then frees, object by object.

The rules, for objects that the collector tracks (others are in no list of its own; they hang on tracked ones, and die by
reference counting):
  1. what DEBUG_SAVEALL saves is in population C;
  2. what is in C is saved, or it died before that because a finalizer let go of it (a suspended generator is closed, its
     locals go), or it is a tuple that the collector stops tracking, or it hangs on a counted reference that tp_traverse leaves out (the dict of weak references to subclasses
     that a class has), which dies with its holder;
  3. once the collector may free what it saved, nothing of C is left;
  4. what is in population F (in the permanent generation) is not found.
"""

import collections
import json
import os
import subprocess
from pathlib import Path
from typing import Dict, NamedTuple

import pytest
from interpreters import Interpreter
from targets import start_target

# A class's weak references to its subclasses, constants of a code object, and up to 3.12 what a threading.local waits for the
# end of its threads with: a weak reference and its callback, a builtin function.
HIDDEN_TYPES = {"dict", "weakref", "weakref.ReferenceType", "tuple", "builtin_function_or_method"}
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


class Unreached(NamedTuple):
    population: str
    tracked: bool
    hidden: bool
    type: str


def program(name: str) -> str:
    """A program of CMakeLists.txt here, from $UNLEAK_BUILD or the newest build that has it."""
    chosen = os.environ.get("UNLEAK_BUILD")
    built = (
        [Path(chosen) / "tests" / "graph" / name]
        if chosen
        else sorted(ROOT.glob("build/*/tests/graph/" + name), key=os.path.getmtime)
    )
    if not built:
        pytest.skip("%s is not built: ./dev build dev" % name)
    return str(built[-1])


def capture_tool() -> str:
    path = Path(os.environ.get("UNLEAK_CAPTURE") or ROOT / "python" / "unleak" / "_native" / "unleak-capture")
    assert os.access(path, os.X_OK), "%s is missing: ./dev build makes it" % path
    return str(path)


def look_at(pid: int, file: Path, *options: str) -> Dict[int, Unreached]:
    """What no root reaches, by address."""
    ran = subprocess.run(
        [capture_tool(), "snapshot", str(pid), "-o", str(file), "--max-pause", "5000", *options],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    listed = subprocess.run([program("unreached"), str(file)], capture_output=True, text=True, timeout=120)
    assert listed.returncode == 0, listed.stderr
    rows = (line.split(" ", 4) for line in listed.stdout.splitlines())
    return {
        int(address, 16): Unreached(population, tracked == "1", hidden == "1", name)
        for address, population, tracked, hidden, name in rows
    }


def kinds(addresses, unreached: Dict[int, Unreached]) -> Dict[str, int]:
    """For the message of a failure."""
    nowhere = Unreached("reached", True, False, "?")
    found = (unreached.get(address, nowhere) for address in addresses)
    return dict(collections.Counter("%s %s" % (one.population, one.type) for one in found))


@pytest.mark.parametrize("garbage_kinds", ["plain", "finalizers"])
@pytest.mark.parametrize("producer", ["walker", "reader"])
def test_garbage_is_what_the_collector_finds(
    interpreter: Interpreter, producer: str, garbage_kinds: str, tmp_path: Path
) -> None:
    if producer == "reader" and interpreter.free_threaded:
        pytest.skip("objects of free-threaded builds are in no lists")
    with start_target(interpreter.exe, HERE / "garbage_target.py", [garbage_kinds]) as target:
        target.wait_ready()
        unreached = look_at(target.pid, tmp_path / "look", *(["--reader"] if producer == "reader" else []))
        found = json.loads(target.ask("collect"))
        assert target.wait() == 0
    saved, died, left = set(found["saved"]), set(found["died"]), set(found["left"])
    garbage = {address for address, one in unreached.items() if one.population == "C" and one.tracked}
    hidden = {address for address in garbage if unreached[address].hidden}
    frozen = {address for address, one in unreached.items() if one.population == "F" and one.tracked}
    assert len(saved) > 1000
    assert not kinds(saved - garbage, unreached), "the collector found these, the look did not"
    assert not kinds(garbage - saved - died - hidden, unreached), "the look calls these garbage, the collector does not"
    if garbage_kinds == "plain":
        # A tuple of nothing that is tracked is tracked until the first collection looks at it.
        assert {unreached[address].type for address in garbage & died} <= {"tuple"}, "nothing here has a finalizer"
    assert {unreached[address].type for address in hidden - saved} <= HIDDEN_TYPES, kinds(hidden - saved, unreached)
    assert not kinds(garbage & left, unreached), "garbage that the collector did not free"
    if not interpreter.free_threaded:  # where gc.freeze() leaves no mark in an object
        assert [unreached[address].type for address in frozen].count("__main__.Node") == 2
    assert not frozen & saved
