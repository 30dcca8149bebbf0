"""The catalogue: its data is well formed, and it speaks only where finding and installed version both fit."""

import re

import pytest

from unleak import catalogue

KINDS = {
    "growing-container",
    "unbounded-cache",
    "listener",
    "reference-cycle",
    "uncollectable-cycle",
    "weakref-misuse",
    "lost-reference",
    "native-memory",
    "bulk-read",
    "pinned-frame",
    "unfinished-task",
    "context",
    "class-churn",
    "immortal-string",
}


@pytest.mark.parametrize("entry", catalogue.known(), ids=lambda e: "%s %s" % (e["package"], e["reference"]))
def test_entries_are_well_formed(entry):
    assert set(entry) == {"package", "since", "fixed", "reference", "kinds", "match", "what"}
    assert set(entry["kinds"]) <= KINDS and entry["reference"] and entry["what"]
    assert catalogue._version(entry["since"]) < catalogue._version(entry["fixed"])
    re.compile(entry["match"])


def document(kind="growing-container", holder="structlog._output.WRITE_LOCKS{*}", python="3.12.1"):
    finding = {
        "kind": kind,
        "holder": {"text": holder, "root": ""},
        "what": [],
        "sites": {"stored": []},
        "remedy": {"action": "remove-entry", "text": "remove it", "at": None},
    }
    return {"target": {"python": python}, "findings": [finding]}


@pytest.mark.parametrize(
    "version, action",
    [
        ("25.5.0", "upgrade"),
        ("25.9", "upgrade"),
        ("26.1.0", "remove-entry"),
        ("26.1.0rc1", "upgrade"),
        ("24.0.0", "remove-entry"),
        ("", "remove-entry"),
        ("unknown", "remove-entry"),
    ],
)
def test_upgrade_is_said_only_of_versions_that_have_it(version, action):
    page = document()
    catalogue.annotate(page, {"structlog": version})
    finding = page["findings"][0]
    assert finding["remedy"]["action"] == action and ("known" in finding) == (action == "upgrade")
    if action == "upgrade":
        assert finding["remedy"]["otherwise"] == "remove-entry" and "26.1.0" in finding["remedy"]["text"]


def test_another_holder_of_the_same_package_is_not_it():
    page = document(holder="app.LOGS[*]")
    catalogue.annotate(page, {"structlog": "25.5.0"})
    assert "known" not in page["findings"][0]


def test_another_kind_is_not_it():
    page = document(kind="native-memory")
    catalogue.annotate(page, {"structlog": "25.5.0"})
    assert "known" not in page["findings"][0]


@pytest.mark.parametrize("python, known", [("3.12.1", True), ("3.12.7", False), ("3.13.0", False), ("3.11.7", False)])
def test_the_interpreter_is_a_package_too(python, known):
    page = document(kind="immortal-string", python=python)
    catalogue.annotate(page, {})
    assert ("known" in page["findings"][0]) == known


def test_versions_are_read_from_the_folders_beside_the_files():
    listed = {
        "/v/lib/python3.12/site-packages": [
            "structlog",
            "structlog-25.5.0.dist-info",
            "Typing_Extensions-4.1.dist-info",
            "x.py",
        ]
    }
    files = [
        "/v/lib/python3.12/site-packages/structlog/_output.py",
        "/v/lib/python3.12/json/__init__.py",
        "/srv/app.py",
    ]
    found = catalogue.installed_versions(files, lambda folder: listed.get(folder, []))
    assert found == {"structlog": "25.5.0", "Typing_Extensions": "4.1"}
