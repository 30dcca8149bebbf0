"""Native memory that grows is a leak, what is freed is none, and what is free but resident is called fragmentation."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import interpreters
import pytest

HERE = Path(__file__).resolve().parent
LINES = (HERE / "native_target.py").read_text().splitlines()
PARANOID = Path("/proc/sys/kernel/perf_event_paranoid")
WATCHED = PARANOID.exists() and (os.geteuid() == 0 or int(PARANOID.read_text()) <= 2)
OLDEST_AND_NEWEST = [one for one in interpreters.interpreters() if not one.free_threaded][
    :: max(1, len(interpreters.interpreters()) - 2)
]


def diagnose(repository: Path, exe: str, what: str) -> Dict[str, Any]:
    target = subprocess.Popen([exe, str(HERE / "native_target.py"), what], stdout=subprocess.PIPE)
    try:
        assert target.stdout is not None and target.stdout.readline() == b"READY\n"
        environment = {**os.environ, "PYTHONPATH": str(repository / "python")}
        command = [sys.executable, "-m", "unleak", "diagnose", str(target.pid), "--duration", "6", "--json"]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert ran.returncode in (0, 1), ran.stderr
        assert target.poll() is None, "the target did not survive"
        return json.loads(ran.stdout)
    finally:
        target.kill()
        target.wait()


@pytest.mark.parametrize("one", OLDEST_AND_NEWEST, ids=lambda found: found.tag)
def test_lost_blocks(one: interpreters.Interpreter, repository: Path) -> None:
    document = diagnose(repository, one.exe, "leak")
    assert document["verdict"] == "leak", document["summary"]
    finding = document["findings"][0]
    assert finding["kind"] == "native-memory"
    assert finding["what"][0]["type"] == "malloc block of 3,008 bytes"
    assert finding["remedy"]["action"] == "fix-native"
    assert finding["growth"]["bytes"] == sorted(finding["growth"]["bytes"])
    for place in finding["sites"]["suspect"] + finding["sites"]["allocated"]:
        assert place.get("calls") or place.get("blocks") or place.get("objects"), "a place without evidence"
    assert document["memory"]["explained"] >= 0.97


def test_a_rare_loss_is_seen_where_the_heap_grows(repository: Path) -> None:
    document = diagnose(repository, OLDEST_AND_NEWEST[-1].exe, "rare")
    finding = document["findings"][0]
    assert finding["what"][0]["type"] == "malloc block of 3,008 bytes"
    places = finding["sites"]["allocated"]
    if not places and not WATCHED:
        pytest.skip("the kernel gives no watchpoints")
    assert places[0]["function"] == "lose_among_many"
    assert places[0]["line"] == 1 + LINES.index("    libc.malloc(3000)")
    assert places[0]["objects"] >= 8, "not seen often enough to be told from chance"


def kinds_told(repository: Path, what: str) -> List[str]:
    document = diagnose(repository, OLDEST_AND_NEWEST[-1].exe, what)
    assert document["verdict"] in ("clean", "not_a_leak"), document["summary"]
    return [finding["kind"] for finding in document["findings"] if finding["certainty"] != "possible"]


def test_given_back(repository: Path) -> None:
    assert kinds_told(repository, "free") == []


def test_freed_but_resident(repository: Path) -> None:
    # A look may fall into the moment in which all pieces are in use: then nothing is free, and nothing is told.
    for _ in range(3):
        kinds = kinds_told(repository, "hold")
        if kinds:
            break
    assert kinds == ["fragmentation"]
