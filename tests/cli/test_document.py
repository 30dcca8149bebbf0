"""Several documents made one, and comparing two of them."""
import copy
import json
from pathlib import Path

import pytest

from unleak.cli.document import merge

HERE = Path(__file__).resolve().parent


def load(name, pid=4242):
    document = json.loads((HERE / "documents" / (name + ".json")).read_text())
    document["target"]["pid"] = pid
    for finding in document["findings"]:
        finding["pids"] = [pid]
    return document


@pytest.mark.parametrize("verdicts, together", [
    (["clean", "clean"], "clean"), (["clean", "leak"], "leak"), (["clean", "inconclusive"], "inconclusive"),
    (["not_a_leak", "clean"], "not_a_leak"), (["garbage", "peak"], "garbage"), (["inconclusive", "peak"], "peak")])
def test_the_strongest_verdict_wins_and_clean_needs_all(verdicts, together):
    assert merge([load(v) for v in verdicts])["verdict"] == together


def test_one_signature_is_one_finding():
    merged = merge([load("leak", 1), load("leak", 2), load("garbage", 3)])
    leak, garbage = merged["findings"]
    assert (leak["pids"], garbage["pids"]) == ([1, 2], [3])
    assert leak["growth"]["objects"] == [2 * n for n in (16956, 17370, 17790, 18204)]
    assert leak["growth"]["per_s"]["bytes"] == 2 * 61180.0
    assert leak["what"][0]["objects"] == 2 * 1248
    assert merged["memory"]["rss"] == 3 * (212 << 20)


def test_series_of_different_length_are_not_added():
    one, two = load("leak", 1), load("leak", 2)
    two["findings"][0]["growth"]["bytes"].pop()
    assert merge([one, two])["findings"][0]["growth"]["bytes"] == one["findings"][0]["growth"]["bytes"]


def test_merging_leaves_the_documents_as_they_were():
    documents = [load("leak", 1), load("leak", 2)]
    before = copy.deepcopy(documents)
    merge(documents)
    assert documents == before


@pytest.fixture
def compare(unleak):
    def run(before, after, *flags, change=lambda d: None):
        names = []
        for name, which in (("before.json", before), ("after.json", after)):
            document = load(which)
            if name == "after.json":
                change(document)
            (unleak.folder / name).write_text(json.dumps(document))
            names.append(name)
        return unleak("compare", *names, *flags)
    return run


@pytest.mark.parametrize("before, after, word, status", [
    ("leak", "clean", "FIXED", 0), ("leak", "leak", "STILL THERE", 1), ("clean", "leak", "NEW", 1),
    ("leak", "inconclusive", "NOT SEEN", 0), ("clean", "clean", "nothing leaked", 0), ("clean", "not_a_leak", "nothing leaked", 0)])
def test_compare_by_signature(compare, before, after, word, status):
    result = compare(before, after)
    assert result.stdout.startswith(word) and result.returncode == status


@pytest.mark.parametrize("before, after, status", [("leak", "leak", 0), ("clean", "leak", 1), ("leak", "clean", 0)])
def test_a_baseline_lets_known_findings_pass(compare, before, after, status):
    assert compare(before, after, "--baseline").returncode == status


def test_compare_as_json(compare):
    result = json.loads(compare("leak", "garbage", "--json").stdout)
    assert [f["kind"] for f in result["fixed"]] == ["growing-container"]
    assert [f["kind"] for f in result["new"]] == ["reference-cycle"]


def test_versions_of_signatures_are_not_mixed(compare):
    result = compare("leak", "leak", change=lambda d: d.update(signatures=2))
    assert result.returncode == 3 and "signatures" in result.stderr


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 2, "findings": []}', '{"schema": 1}'])
def test_what_is_no_document_is_refused(unleak, text):
    (unleak.folder / "a.json").write_text(text)
    assert unleak("compare", "a.json", "a.json").returncode == 3
