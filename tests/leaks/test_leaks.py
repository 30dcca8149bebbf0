"""The corpus is whole, and unleak is right on a few of its programs; `./dev leakbench` runs them all."""

import concurrent.futures
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import interpreters  # noqa: E402
from bench import DEFAULT_PYTHON  # noqa: E402
from judging import ACTIONS, HARMLESS_KINDS, KINDS, VERDICTS  # noqa: E402
from programs import BadTruth, load_cases, read_truth  # noqa: E402
from scoring import Options, score  # noqa: E402

FAST = ("memo_dict", "handler_table", "parent_and_children")


def test_at_least_forty_cases_and_every_kind():
    cases = load_cases()
    kinds = {kind for case in cases for kind in KINDS if any(re.search(p, kind) for p in case.bad.expect.kind)}
    assert len(cases) >= 40
    assert KINDS - HARMLESS_KINDS == kinds


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.name)
def test_truth_is_of_the_schema(case):
    for program in (case.bad, case.fixed):
        path = program.path / "__main__.py" if program.path.is_dir() else program.path
        truth = read_truth(path)
        words = {"verdict": VERDICTS, "kind": KINDS, "remedy": ACTIONS}
        assert not any(set(truth.get(key, "").split("|")) - known - {""} for key, known in words.items())
        assert program.fixed or {"kind", "remedy"} <= set(truth)
    assert case.bad.command == case.fixed.command


@pytest.mark.parametrize("text", ["verdict", "verdikt: leak", "verdict:  "])
def test_a_line_that_states_nothing_is_refused(tmp_path, text):
    path = tmp_path / "program.py"
    path.write_text('"""T.\n\nTruth\n-----\n%s\n"""\n' % text)
    with pytest.raises(BadTruth):
        read_truth(path)


@pytest.mark.slow
def test_unleak_names_the_leak_and_finds_the_twin_clean(tmp_path):
    """Several programs at a time: most of the time is spent waiting for them to leak."""
    there = interpreters.interpreters()
    python = next((i for i in there if i.tag == DEFAULT_PYTHON), there[0])
    work = [p for case in load_cases() if case.name in FAST for p in (case.bad, case.fixed)]
    options = Options(tmp_path, diagnose_args="--duration 8")
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        rows = list(pool.map(lambda program: score(program, python, options), work))
    assert len(rows) == 2 * len(FAST)
    assert [row for row in rows if not row.get("full" if row["side"] == "bad" else "ok")] == []
