"""A look at a program whose mappings change all the time: what it has is seen, and it goes on unharmed (the fixture holds it to that)."""

import collections

import pytest
from interpreters import Interpreter

WAYS = {"walk": [], "reader": ["--reader"], "copy": ["--copy", "--max-pause", "60000"]}
LOOKS = 2


@pytest.mark.parametrize("way", sorted(WAYS))
def test_maps_that_change_while_they_are_read(way: str, interpreter: Interpreter, target, look) -> None:
    process = target(interpreter.exe, "moving_maps_target.py")
    for _ in range(LOOKS):
        snapshot = look(process.pid, *WAYS[way])
        names = snapshot.type_names()
        counts = collections.Counter(names[index] for index in snapshot.type)
        assert counts["__main__.Planted"] == 1000, counts.most_common(5)
        assert snapshot.facts["faults"] == 0
        assert len(snapshot.threads()) == 4
        process.process.stdin.write(b"more\n")
        process.process.stdin.flush()
        assert int(process.process.stdout.readline()) > 0
