"""The judge of the article's programs tells right answers from wrong ones."""
import copy
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from truth import read_truth, wrong  # noqa: E402

PROGRAM = Path(__file__).resolve().parents[2] / "examples" / "article" / "del_alias.py"
LINE = next(n for n, line in enumerate(PROGRAM.read_text().splitlines(), 1) if line.endswith("# MARK: LEAK"))
RIGHT = {"verdict": "leak", "findings": [{
    "kind": "growing-container", "certainty": "confirmed", "title": "t", "what": [{"type": "list"}],
    "holder": {"text": "__main__.ALIASES[*]"}, "sites": {"stored": [{"file": "/x/del_alias.py", "line": LINE}]},
    "remedy": {"action": "remove-entry"}}]}


def judge(change=lambda d, f: None, program=PROGRAM):
    document = copy.deepcopy(RIGHT)
    change(document, document["findings"][0])
    return wrong(read_truth(program), program, document)


def test_the_right_answer_is_right():
    assert judge() == []


@pytest.mark.parametrize("change", [
    lambda d, f: d.update(verdict="garbage"),
    lambda d, f: d.update(findings=[]),
    lambda d, f: f.update(kind="listener"),
    lambda d, f: f.update(what=[{"type": "dict"}]),
    lambda d, f: f.update(holder=None),
    lambda d, f: f.update(holder={"text": "__main__.NOALIASES"}),
    lambda d, f: f["sites"]["stored"][0].update(line=LINE + 1),
    lambda d, f: f["sites"]["stored"][0].update(file="other.py"),
    lambda d, f: f["remedy"].update(action="trim"),
])
def test_each_wrong_part_is_seen(change):
    assert len(judge(change)) == 1


def test_a_fixed_twin_must_be_clean_without_alarm():
    twin = PROGRAM.with_name("del_alias_fixed.py")
    assert len(judge(program=twin)) == 2
    assert judge(lambda d, f: d.update(verdict="clean", findings=[]), twin) == []
    assert judge(lambda d, f: (d.update(verdict="clean"), f.update(certainty="possible")), twin) == []
