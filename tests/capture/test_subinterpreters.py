"""A look while several interpreters of one process work: all their objects are in it, and all go on."""

from pathlib import Path

from interpreters import Interpreter
from targets import start_target

TARGET = Path(__file__).resolve().with_name("subinterpreters_target.py")
KEPT = 500  # of each interpreter


def test_objects_of_all_interpreters_are_seen(interpreter: Interpreter, look) -> None:
    with start_target(interpreter.exe, TARGET) as target:
        assert target.read_line() == "ready"
        for _ in range(3):
            seen = look(target.pid)
            assert target.ask("go on") == "worked"
            assert (
                seen.facts["stop"] == "blind"
                if interpreter.free_threaded
                else seen.facts["stop"] in ("safe", "gil-free", "blind")
            )
            named = {index for index, name in enumerate(seen.type_names()) if name.endswith("Planted")}
            planted = sum(index in named for index in seen.type)
            assert planted == 2 * KEPT, seen.facts["stop"]
            assert not seen.facts["bad_edges"] or seen.facts["stop"] == "blind"
        assert target.wait() == 0
