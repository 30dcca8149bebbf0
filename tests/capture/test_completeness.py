"""The reference counts of mortal objects are explained, on every interpreter, with the standard library and with packages."""

import json
from pathlib import Path

import pytest
from completeness import explained
from interpreters import Interpreter
from packages import PACKAGES, environment_of, left_out

PROGRAMS = ("stdlib", "asyncio")


def least_share(interpreter: Interpreter) -> float:
    """3.9 keeps much in static variables."""
    return 0.995 if interpreter.version == (3, 9) else 0.998


@pytest.mark.parametrize("program", PROGRAMS)
def test_reference_counts_are_explained(
    program: str, interpreter: Interpreter, target, capture_tool, tmp_path: Path
) -> None:
    process = target(interpreter.exe, "completeness_target.py", program)
    info = explained(capture_tool, process.pid, tmp_path / "look.unleak")
    references = info["references"]
    assert references["mortal"] > 20_000
    assert info["completeness"] >= least_share(interpreter), json.dumps(references, indent=1)
    # Conservative references fill gaps; they do not make up the figure.
    assert references["by_possible_references"] <= 0.05 * references["mortal"], json.dumps(references, indent=1)


def test_with_packages_what_is_left_is_named_by_type(
    interpreter: Interpreter, target, capture_tool, tmp_path: Path
) -> None:
    python = environment_of(interpreter.tag)
    if python is None:
        pytest.skip("no environment with %s: `./dev stress completeness` makes it" % ", ".join(PACKAGES))
    process = target(python, "packages_target.py", *left_out(interpreter.tag))
    info = explained(capture_tool, process.pid, tmp_path / "look.unleak")
    references = info["references"]
    assert info["completeness"] >= 0.99, json.dumps(references, indent=1)
    named = sum(row["objects"] for row in references["unexplained"])
    assert named >= 0.9 * references["surplus_objects"], json.dumps(references, indent=1)
