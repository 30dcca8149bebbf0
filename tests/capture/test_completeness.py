"""The reference counts of mortal objects are explained, on every interpreter: how far is what `unleak` says in "references explained"."""

import json
import subprocess
from pathlib import Path

import pytest
from interpreters import Interpreter

from unleak._core import Snapshot

PROGRAMS = ("stdlib", "asyncio")


def least_share(interpreter: Interpreter) -> float:
    """3.9 keeps much in static variables; free-threaded counts are spread over threads."""
    return 0.995 if interpreter.version == (3, 9) or interpreter.free_threaded else 0.998


@pytest.mark.parametrize("program", PROGRAMS)
def test_reference_counts_are_explained(
    program: str, interpreter: Interpreter, target, capture_tool, tmp_path: Path
) -> None:
    process = target(interpreter.exe, "completeness_target.py", program)
    path = tmp_path / "look.unleak"
    command = [capture_tool, "snapshot", str(process.pid), "-o", str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    snapshot = Snapshot.open(path)
    snapshot.top({"limit": 1})  # builds the graph
    info = snapshot.info()
    snapshot.close()
    references = info["references"]
    assert references["mortal"] > 20_000
    assert info["completeness"] >= least_share(interpreter), json.dumps(references, indent=1)
    # Conservative references fill gaps; they do not make up the figure.
    assert references["by_possible_references"] <= 0.05 * references["mortal"], json.dumps(references, indent=1)
