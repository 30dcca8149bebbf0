"""What a run showed decides: confirmed, dismissed, not exercised, or, mostly, not decided."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from check_support import run_text

from unleak.check import evidence
from unleak.check.evidence import Evidence
from unleak.check.result import Result

TEXT = """import functools
KEEP = {}


class Table:
    @functools.cache
    def total(self, column):
        return column


def step(key):
    KEEP[key] = Table().total(key)
"""


@pytest.fixture
def result(tmp_path):
    report = run_text(tmp_path, TEXT, "cached-method", "growing-global")
    return Result("unleak 0", [], 1, report.lines, 0.0, report.findings, [], [], [], {report.path: report.sha256})


def document(*findings):
    return {"schema": 1, "verdict": "leak", "findings": list(findings)}


def seen(kind="growing-container", text="example.KEEP{*}", root="module example", stored=(), **rest):
    return {
        "kind": kind,
        "title": "it grows",
        "holder": {"root": root, "text": text},
        "sites": {"stored": list(stored)},
        **rest,
    }


def verdicts(result, *sources):
    return {f.rule: f.verdict for f in evidence.judge(result, sources).findings}


def test_a_store_at_the_line_confirms(result):
    place = {"file": result.findings[0].path, "line": 12}
    judged = evidence.judge(result, [Evidence("run.json", document(seen(text="", root="", stored=[place])))])
    first = judged.findings[0]
    assert (first.rule, first.verdict, first.certainty) == ("growing-global", "confirmed", "confirmed")
    assert first.grounds == "run.json: it grows"
    assert judged.at_least("confirmed") == [first]


def test_the_same_text_at_a_moved_line_of_the_file_confirms(result):
    place = {"file": "/srv/elsewhere/%s/example.py" % Path(result.findings[0].path).parent.name, "line": 99,
             "text": "KEEP[key] =  Table().total(key)"}  # fmt: skip
    assert (
        verdicts(result, Evidence("r", document(seen(text="", root="", stored=[place]))))["growing-global"]
        == "confirmed"
    )


def test_the_holder_confirms_in_its_own_module_only(result):
    assert verdicts(result, Evidence("r", document(seen())))["growing-global"] == "confirmed"
    assert (
        verdicts(result, Evidence("r", document(seen(root="module other", text="other.KEEP{*}"))))["growing-global"]
        == ""
    )


def test_a_cache_is_known_by_its_class_and_method(result):
    cache = seen("unbounded-cache", "__main__.Table.total.cache{*}", "module __main__")
    assert verdicts(result, Evidence("r", document(cache)))["cached-method"] == "confirmed"
    other = Evidence("r", document(cache), frozenset(), "/srv/main.py")
    assert verdicts(result, other)["cached-method"] != "confirmed", "another file was the main one"


def test_a_finding_of_a_kind_that_does_not_fit_confirms_nothing(result):
    assert verdicts(result, Evidence("r", document(seen("bulk-read"))))["growing-global"] == ""


def test_growth_that_stops_dismisses_and_no_longer_fails(result):
    judged = evidence.judge(result, [Evidence("r", document(seen("filling-cache")))])
    dismissed = [f for f in judged.findings if f.verdict == "dismissed"]
    assert [f.rule for f in dismissed] == ["growing-global"] and dismissed[0] not in judged.at_least("possible")


def test_a_leak_in_one_run_outweighs_a_bound_in_another(result):
    sources = [Evidence("a", document(seen("filling-cache"))), Evidence("b", document(seen()))]
    assert verdicts(result, *sources)["growing-global"] == "confirmed"


def test_not_seen_is_not_dismissed(result):
    clean = {**document(), "verdict": "clean"}
    assert set(verdicts(result, Evidence("r", clean)).values()) == {""}
    loaded = evidence.judge(result, [Evidence("r", clean, frozenset({result.findings[0].path}))])
    assert all(f.verdict == "" and f.grounds.startswith("not decided") for f in loaded.findings)


def test_a_file_that_was_not_loaded_was_not_exercised(result):
    judged = evidence.judge(result, [Evidence("r", document(), frozenset({"/srv/other/file.py"}))])
    assert {f.verdict for f in judged.findings} == {"not exercised"}


@pytest.mark.parametrize("text", ["{", '{"schema": 2, "findings": []}', '{"schema": 1}', "[" * 100000, " []"])
def test_a_file_that_is_no_document_is_refused_or_left_to_the_snapshot_reader(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    if text.startswith("[["):
        assert evidence.read(str(path)) is None
    else:
        with pytest.raises(evidence.Unusable, match="x.json"):
            evidence.read(str(path))


def test_hostile_documents_do_no_harm(result):
    odd = [
        None,
        {},
        {"kind": []},
        {"sites": 1, "holder": "x"},
        seen(stored=[{"file": 5, "line": "x"}], cycle={"edges": [1, {"at": 3}]}),
    ]
    for finding in odd:
        evidence.judge(result, [Evidence("r", json.loads(json.dumps(document(finding))))])
