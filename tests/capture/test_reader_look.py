"""A look by the reader: the same heap as the walker gives, without any code run in the copy of the process."""

import collections
import subprocess
from pathlib import Path

from interpreters import Interpreter

# What only the reader finds: conservative scans of bodies whose traverse the walker can ask, and the reader cannot.
MOST_EXTRA = 100
# What only the walker finds, of all objects: untracked ones that hang on the state that an extension module keeps in C, or
# on types whose layout is not known. The collector's lists give all tracked ones to both.
MOST_MISSING = 0.06
TRACKED = 1


def roots_of(snapshot):
    """What a person reads of the roots; builtin types are met in another order, and which of them are met differs."""
    return collections.Counter(
        (root.kind, root.name, root.target) for root in snapshot.roots() if root.kind != "static-type"
    )


def test_reader_and_walker_give_the_same_heap(
    interpreter: Interpreter, target, look, tmp_path: Path, capture_tool: str
) -> None:
    process = target(interpreter.exe, "reference_target.py", str(tmp_path / "reference"))
    if interpreter.free_threaded:
        ran = subprocess.run(
            [capture_tool, "snapshot", str(process.pid), "--reader", "-o", str(tmp_path / "look")],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ran.returncode != 0 and "free-threaded" in ran.stderr
        return
    walked, read = look(process.pid), look(process.pid, "--reader")
    assert (walked.facts["producer"], read.facts["producer"]) == ("twin", "reader")
    assert len(walked.address) > 30_000
    missing = walked.node.keys() - read.node.keys()
    assert not [walked.type_name(address) for address in missing if walked.flags[walked.node[address]] & TRACKED]
    assert len(missing) < MOST_MISSING * len(walked.address)
    extra = collections.Counter(map(read.type_name, read.node.keys() - walked.node.keys()))
    assert sum(extra.values()) < MOST_EXTRA, extra
    assert not roots_of(read) - roots_of(walked) and not roots_of(walked) - roots_of(read)
    assert [frame["line"] for frame in read.frames()] == [frame["line"] for frame in walked.frames()]
