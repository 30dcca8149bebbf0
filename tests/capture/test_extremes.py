"""Sizes that break recursive or bounded code: a look takes them all, and the program goes on (the fixture holds it to that)."""

import json
import os

ENTRIES, CHAIN, DEPTH = 1_000_000, 1_000_000, 3_000
SMALLER = ("3.10", "3.11", "3.13", "3.14")  # a tenth is enough where both neighbours are tested whole
THREADS = int(os.environ.get("UNLEAK_TEST_THREADS", "300"))  # each costs a kernel thread; a look stops them all


def test_a_huge_dict_a_long_chain_a_deep_recursion_and_many_threads(interpreter, target, look) -> None:
    part = 10 if interpreter.tag in SMALLER else 1
    entries, chain = ENTRIES // part, CHAIN // part
    process = target(interpreter.exe, "extremes_target.py", str(entries), str(chain), str(DEPTH), str(THREADS))
    at = json.loads(process.first_line)
    snapshot = look(process.pid, "--max-pause", "60000")
    assert len(snapshot.edges(at["table"])) >= entries
    assert len(snapshot.address) >= 2 * entries + chain
    assert snapshot.edges(at["head"])
    assert len(snapshot.threads()) == THREADS + 1
    frames = snapshot.frames()
    assert sum(1 for frame in frames if frame["code"] and frame["code"]["name"] == "descend") == DEPTH + 1
    assert len(frames) >= DEPTH + 2 * THREADS
