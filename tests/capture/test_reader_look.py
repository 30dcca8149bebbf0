"""A look by the reader: the same heap as the walker gives, without any code run in the copy of the process."""

import collections
from pathlib import Path

from interpreters import Interpreter


def roots_of(snapshot):
    """What a person reads of the roots; builtin types are met in another order, and which of them are met differs."""
    return collections.Counter(
        (root.kind, root.name, root.target) for root in snapshot.roots() if root.kind != "static-type"
    )


def test_reader_and_walker_give_the_same_heap(interpreter: Interpreter, target, look, tmp_path: Path) -> None:
    process = target(interpreter.exe, "reference_target.py", str(tmp_path / "reference"))
    walked, read = look(process.pid), look(process.pid, "--reader")
    assert (walked.facts["producer"], read.facts["producer"]) == ("twin", "reader")
    assert len(walked.address) > 30_000
    assert walked.node.keys() == read.node.keys()
    assert walked.facts["edges"] == read.facts["edges"]
    assert not roots_of(read) - roots_of(walked) and not roots_of(walked) - roots_of(read)
    assert [frame["line"] for frame in read.frames()] == [frame["line"] for frame in walked.frames()]
