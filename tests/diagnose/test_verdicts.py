"""Programs that fool simple rules: the quick ones under unleak; ./dev stress stress_verdicts runs them all."""

import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Dict, Iterator

import interpreters
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from verdicts import PROGRAMS, look_at, marked_lines, read_truth, wrong  # noqa: E402

FAST = [path for path in PROGRAMS if read_truth(path).get("fast") == "yes"]
AT_ONCE = 6
TAG = "3.12"


@pytest.fixture(scope="module")
def documents() -> "Iterator[Dict[str, Future]]":
    """What unleak says of each fast program, all looked at together: most of the time they are waited for."""
    found = interpreters.interpreters()
    exe = next((i.exe for i in found if i.tag == TAG), found[0].exe)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {path.stem: pool.submit(look_at, path, exe) for path in FAST}


@pytest.mark.slow
@pytest.mark.parametrize("path", FAST, ids=lambda p: p.stem)
def test_unleak_says_what_the_program_states(path: Path, documents: "Dict[str, Future]") -> None:
    document = documents[path.stem].result()
    assert wrong(path, document) == [], document["summary"]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_every_program_states_a_truth_that_can_be_checked(path: Path) -> None:
    truth = read_truth(path)
    assert "line" not in truth or marked_lines(path, truth["line"])
    assert truth["verdict"] != "leak" or "kind" in truth


def test_there_are_enough_of_them() -> None:
    assert len(PROGRAMS) >= 40
