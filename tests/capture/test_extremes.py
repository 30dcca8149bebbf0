"""Sizes that break recursive or bounded code: a look takes them all, and the program goes on (the fixture holds it to that)."""

import json
import os

ENTRIES, CHAIN, DEPTH = 1_000_000, 1_000_000, 3_000
THREADS = int(os.environ.get("UNLEAK_TEST_THREADS", "300"))  # each costs a kernel thread; a look stops them all


def test_a_huge_dict_a_long_chain_a_deep_recursion_and_many_threads(interpreter, target, look) -> None:
    process = target(interpreter.exe, "extremes_target.py", str(ENTRIES), str(CHAIN), str(DEPTH), str(THREADS))
    at = json.loads(process.first_line)
    snapshot = look(process.pid)
    assert len(snapshot.edges(at["table"])) >= ENTRIES
    assert len(snapshot.address) >= 2 * ENTRIES + CHAIN
    assert snapshot.edges(at["head"])
    assert len(snapshot.threads()) == THREADS + 1
    frames = snapshot.frames()
    assert sum(1 for frame in frames if frame["code"] and frame["code"]["name"] == "descend") == DEPTH + 1
    assert len(frames) >= DEPTH + 2 * THREADS
