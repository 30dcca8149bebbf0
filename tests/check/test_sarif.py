"""SARIF 2.1.0: the parts of the standard that we write, by their own rules."""

from __future__ import annotations

import re

import pytest
from check_support import fixtures

from unleak.check import registry, result
from unleak.check.finding import Problem
from unleak.check.formats import sarif

LEVELS = {"none", "note", "warning", "error"}


@pytest.fixture(scope="module")
def run():
    found = result.run("unleak 0.1.0", [str(path) for path in fixtures()], list(registry.all_rules()))
    dismissed = [found.findings[0]._replace(verdict="dismissed"), *found.findings[1:]]
    found = found._replace(
        findings=dismissed, suppressed=found.findings[:1], problems=[Problem("bad file.py", 3, "why")]
    )
    document = sarif.document(found)
    assert document["version"] == "2.1.0" and len(document["runs"]) == 1
    return document["runs"][0]


def test_every_result_names_its_rule_by_index(run):
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])


def test_levels_kinds_and_ranks_are_those_of_the_standard(run):
    for one in run["results"]:
        assert one["level"] in LEVELS and 0 <= one["rank"] <= 100
        assert one["kind"] == "fail" or (one["kind"] == "pass" and one["level"] == "none"), (
            "level is none unless kind is fail"
        )


def test_regions_count_from_one_and_end_after_they_begin(run):
    for one in run["results"]:
        region = one["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] >= 1 and region["startColumn"] >= 1
        assert (region["endLine"], region["endColumn"]) > (region["startLine"], region["startColumn"])


def test_places_are_relative_uris_or_absolute_ones(run):
    for one in run["results"]:
        artifact = one["locations"][0]["physicalLocation"]["artifactLocation"]
        assert re.fullmatch(r"[\w./%~-]+", artifact["uri"]) and artifact.get("uriBaseId") in ("ROOT", None)
        assert ("uriBaseId" in artifact) != artifact["uri"].startswith("file:///") or "://" in artifact["uri"]
    assert run["originalUriBaseIds"]["ROOT"]["uri"].endswith("/")


def test_suppressed_findings_and_unreadable_files_are_in_it(run):
    assert [r["suppressions"] for r in run["results"] if "suppressions" in r] == [[{"kind": "inSource"}]]
    (notification,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notification["level"] in LEVELS and notification["message"]["text"] == "why"
    assert notification["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "bad%20file.py"


def test_fingerprints_tell_findings_apart(run):
    prints = [r["partialFingerprints"]["unleak/v1"] for r in run["results"] if "suppressions" not in r]
    assert all(re.fullmatch(r"[0-9a-f]{32}", p) for p in prints) and len(set(prints)) > 0.8 * len(prints)
