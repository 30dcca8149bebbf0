"""The judge of tests/programs/verdicts tells right answers from wrong ones."""

import copy
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from verdicts import FOLDER, marked_lines, wrong  # noqa: E402

LEAK = FOLDER / "kind_two_indexes.py"
CLEAN = FOLDER / "flow_batches.py"
FINDING = {
    "kind": "growing-container",
    "certainty": "confirmed",
    "title": "t",
    "what": [{"type": "__main__.Session"}],
    "holder": {"text": "__main__.ORDER[*]"},
    "sites": {"stored": [{"file": "/x/kind_two_indexes.py", "line": marked_lines(LEAK, "LEAK")[0]}]},
}
RIGHT = {"verdict": "leak", "findings": [FINDING]}


def judge(change=lambda d, f: None, path=LEAK):
    document = copy.deepcopy(RIGHT)
    change(document, document["findings"][0])
    return wrong(path, document)


def test_the_right_answer_is_right():
    assert judge() == []


@pytest.mark.parametrize(
    "change",
    [
        lambda d, f: d.update(verdict="clean"),
        lambda d, f: d.update(findings=[]),
        lambda d, f: d["findings"].append(f),
        lambda d, f: f.update(kind="listener"),
        lambda d, f: f.update(what=[{"type": "dict"}]),
        lambda d, f: f.update(holder=None),
        lambda d, f: f.update(holder={"text": "__main__.REORDER"}),
        lambda d, f: f["sites"]["stored"][0].update(line=1),
        lambda d, f: f["sites"]["stored"][0].update(file="other.py"),
    ],
)
def test_each_wrong_part_is_seen(change):
    assert judge(change)


def test_a_sure_leak_on_a_clean_program_is_an_alarm():
    assert any("alarm" in problem for problem in judge(path=CLEAN))
    assert judge(lambda d, f: (d.update(verdict="clean"), f.update(certainty="possible")), CLEAN) == []
    assert judge(lambda d, f: (d.update(verdict="not_a_leak"), f.update(kind="warm-up")), CLEAN) == []
