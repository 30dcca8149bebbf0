"""The judge: a right answer passes, each way of being wrong fails, and LeakBench's own judge says the same."""

import copy
import importlib.util
import itertools
import os
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from judging import PARTS, Expect, Site, judge_bad, judge_clean  # noqa: E402

EXPECT = Expect(
    verdict=("leak",),
    kind=("^growing-container$", "^listener$"),
    what=(r"(^|\.)Session$",),
    holder=(r"\bKEEP\b",),
    site=(
        Site(program="trigger.py", lines=(8,)),
        Site(function="^remember$", file=r"app\.py", line=7),
        Site(library="_app"),
    ),
    remedy=("^bound$", "^remove-entry$"),
)
CLEAN = Expect(verdict=("clean", "not_a_leak"))
RIGHT = {
    "kind": "growing-container",
    "certainty": "confirmed",
    "what": [{"type": "trigger.Session"}],
    "holder": {"root": "module trigger", "path": [{"edge": ".KEEP", "type": "list"}], "text": "trigger.KEEP[*]"},
    "sites": {"stored": [{"file": "/x/trigger.py", "line": 8, "function": "step"}]},
    "remedy": {"action": "remove-entry", "at": None},
}
OTHER = {**RIGHT, "kind": "class-churn", "what": [], "holder": None, "sites": {}, "remedy": {"action": "hoist"}}


def document(*findings, verdict="leak"):
    return {"schema": 1, "verdict": verdict, "findings": copy.deepcopy(list(findings))}


def marks(*findings, verdict="leak"):
    return judge_bad(EXPECT, document(*findings, verdict=verdict))


def test_a_right_answer_is_full():
    answer = marks(RIGHT)
    assert answer["found"] and answer["full"] and answer["place"] == 1
    assert all(answer[part] for part in PARTS)


WRONG = [
    ("kind", {"kind": "context"}),
    ("what", {"what": [{"type": "trigger.SessionMaker"}]}),
    ("what", {"what": [{"type": "int"}, {"type": "str"}, {"type": "dict"}, {"type": "trigger.Session"}]}),
    ("holder", {"holder": {"text": "trigger.KEEPER", "root": "module trigger", "path": []}}),
    ("site", {"sites": {"stored": [{"file": "trigger.py", "line": 9}]}}),
    ("site", {"sites": {"stored": [{"file": "other.py", "line": 8}]}}),
    ("site", {"sites": {"stored": [{"file": "trigger.py", "line": n} for n in (1, 2, 3, 8)]}}),
    ("site", {"sites": {"stored": [{"file": "app.py", "line": 8, "function": "remember"}]}}),
    ("remedy", {"remedy": {"action": "trim"}}),
    ("remedy", {"remedy": None}),
]


@pytest.mark.parametrize("part, change", WRONG)
def test_one_wrong_part_is_found_but_not_full(part, change):
    answer = marks({**RIGHT, **change})
    assert answer["found"] and not answer["full"]
    assert [p for p in PARTS if not answer[p]] == [part]


SAME_PLACE = [
    {"sites": {"allocated": [{"file": "trigger.py", "line": 8}]}},
    {"sites": {"suspect": [{"file": "lib/app.py", "line": 7, "function": "remember"}]}},
    {"sites": {}, "remedy": {"action": "bound", "at": {"file": "trigger.py", "line": 8}}},
]


@pytest.mark.parametrize("change", SAME_PLACE)
def test_a_place_may_stand_anywhere(change):
    assert marks({**RIGHT, **change})["full"]


def test_a_library_alone_is_found_but_no_full_place():
    answer = marks({**RIGHT, "sites": {"suspect": [{"library": "_app.so"}]}})
    assert answer["site"] and answer["found"] and not answer["full"]


def test_the_first_two_findings_may_be_full():
    assert marks(OTHER, RIGHT)["full"]
    third = marks(OTHER, OTHER, RIGHT)
    assert third["found"] and third["place"] == 3 and not third["full"]


def test_halves_in_two_findings_are_no_whole():
    assert not marks({**RIGHT, "holder": None}, {**RIGHT, "kind": "context"})["full"]


NOT_FOUND = [
    document({**RIGHT, "certainty": "possible"}),
    document(OTHER),
    document(RIGHT, verdict="inconclusive"),
    document(),
]


@pytest.mark.parametrize("answer", NOT_FOUND)
def test_not_found(answer):
    answer = judge_bad(EXPECT, answer)
    assert not answer["found"] and not answer["full"]


@pytest.mark.parametrize(
    "verdict, wrong", [("clean", True), ("not_a_leak", True), ("inconclusive", False), ("leak", False)]
)
def test_wrong_clean(verdict, wrong):
    assert marks(verdict=verdict)["wrong_clean"] is wrong


CLEAN_ANSWERS = [
    (document(verdict="clean"), True, False),
    (document({**OTHER, "kind": "filling-cache"}, verdict="not_a_leak"), True, False),
    (document({**OTHER, "certainty": "possible"}, verdict="clean"), True, False),
    (document(verdict="inconclusive"), False, False),
    (document(verdict="garbage"), False, True),
    (document({**OTHER, "certainty": "probable"}, verdict="clean"), False, True),
]


@pytest.mark.parametrize("answer, ok, alarm", CLEAN_ANSWERS)
def test_clean(answer, ok, alarm):
    answer = judge_clean(CLEAN, answer)
    assert (answer["ok"], answer["false_alarm"]) == (ok, alarm)


def test_what_is_true_of_a_twin_is_no_alarm():
    garbage = document({**OTHER, "kind": "reference-cycle"}, verdict="garbage")
    assert judge_clean(Expect(verdict=("clean", "garbage")), garbage)["ok"]
    churn = document(OTHER, verdict="clean")
    assert judge_clean(Expect(verdict=("clean",), kind=("^class-churn$",)), churn)["ok"]
    assert judge_clean(Expect(verdict=("clean",), kind=("^listener$",)), churn)["false_alarm"]


NO_DOCUMENTS = [
    [],
    {"schema": 2},
    document(verdict="bad"),
    document("text"),
    document({**RIGHT, "kind": "leaky"}),
    document({**RIGHT, "kind": ["listener"]}),
    document({**RIGHT, "certainty": "sure"}),
    document({**RIGHT, "remedy": {"action": "pray"}}),
    document({**RIGHT, "holder": "trigger.KEEP"}),
]


@pytest.mark.parametrize("text", NO_DOCUMENTS)
def test_what_is_no_document_is_an_error(text):
    assert set(judge_bad(EXPECT, text)) == {"error"}


# --- the same marks as LeakBench's judge, on many documents -----------------------------------------------------------

CASE = """
id = "demo"
title = "t"
pythons = ["3.12"]
mode = "loop"
[bad]
[clean]
step = "step"
[expect]
verdict = ["leak"]
kind = ["^growing-container$", "^listener$"]
what = ['(^|\\.)Session$']
holder = ['\\bKEEP\\b']
site = [{mark = "LEAK"}, {function = "^remember$", file = "app\\\\.py", line = 7}, {library = "_app"}]
remedy = ["^bound$", "^remove-entry$"]
"""
TRIGGER = "KEEP = []\n\n\n\n\n\ndef step():\n    KEEP.append(1)  # MARK: LEAK\n"


@pytest.fixture
def leakbench(tmp_path):
    """LeakBench's judge of a checkout, and the case above as it reads it."""
    place = os.environ.get("UNLEAK_LEAKBENCH")
    if not place or sys.version_info < (3, 11):
        pytest.skip("UNLEAK_LEAKBENCH names no checkout of LeakBench")
    spec = importlib.util.spec_from_file_location("leakbench", Path(place) / "leakbench.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["leakbench"] = module
    spec.loader.exec_module(module)
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "case.toml").write_text(CASE)
    (folder / "trigger.py").write_text(TRIGGER)
    return module, module.load_case(folder)


def many_documents():
    """Right answers with each part right or wrong, in all orders of up to three findings."""
    changes = [{}, *(change for _, change in WRONG), *SAME_PLACE, {"sites": {"suspect": [{"library": "_app.so"}]}}]
    findings = [{**RIGHT, **change} for change in changes]
    findings += [{**f, "certainty": "possible"} for f in findings[:4]] + [OTHER, {**OTHER, "kind": "filling-cache"}]
    yield from NO_DOCUMENTS
    for verdict in ("leak", "garbage", "peak", "clean", "not_a_leak", "inconclusive"):
        for count in (0, 1, 2):
            yield from (document(*some, verdict=verdict) for some in itertools.product(findings, repeat=count))
    chance = random.Random(5)
    for _ in range(500):
        yield document(*chance.choices(findings, k=3))


def test_leakbench_gives_the_same_marks(leakbench):
    module, case = leakbench
    for text in many_documents():
        theirs, ours = module.judge(case, "bad", text), judge_bad(EXPECT, text)
        assert ("error" in theirs) == ("error" in ours)
        if "error" not in ours:
            assert {key: theirs.get(key) for key in ours} == ours, text
        theirs, ours = module.judge(case, "clean", text), judge_clean(CLEAN, text)
        assert {key: theirs.get(key) for key in ours if key != "error"} == {
            k: v for k, v in ours.items() if k != "error"
        }, text
