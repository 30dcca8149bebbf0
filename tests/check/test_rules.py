"""Every rule against its fixtures: what it must find, what it must leave alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from check_support import FIXTURES, fixtures, marked, run, without_prefilter

from unleak.check import page, registry
from unleak.check.rule import GROUPS

RULES = registry.all_rules()
ROOT = Path(__file__).resolve().parents[2]
SECTIONS = ["What it finds", "Why", "Instead", "Limits"]


@pytest.mark.parametrize("path", fixtures(), ids=lambda p: "%s/%s" % (p.parent.name, p.stem))
def test_a_rule_finds_the_marked_lines_and_no_others(path):
    report = run(path, path.parent.name)
    assert not report.problems
    assert {finding.line for finding in report.findings} == marked(path)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_has_code_that_it_finds_and_code_that_it_leaves_alone(name):
    folder = FIXTURES / name
    assert any(marked(path) for path in folder.glob("bad*.py"))
    assert list(folder.glob("good*.py")) and not any(marked(path) for path in folder.glob("good*.py"))


@pytest.mark.parametrize("name", RULES)
def test_the_words_of_a_rule_hide_none_of_its_findings(name):
    for path in fixtures():
        assert without_prefilter(path, name) == {f.line for f in run(path, name).findings}, path


@pytest.mark.parametrize("name", RULES)
def test_a_page_says_what_why_what_instead_and_what_it_misses(name):
    rule = RULES[name]
    text = page.remarks(rule)
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == SECTIONS
    assert rule.facts.group in GROUPS and rule.facts.kinds and len(rule.facts.summary) < 90


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.facts.default])
def test_a_rule_that_is_on_by_default_names_real_fixes(name):
    fixes = RULES[name].facts.fixes + RULES[name].facts.proven
    assert fixes and all(re.fullmatch(r"[\w.-]+/[\w.-]+(#\d+|@[0-9a-f]{7,40})", fix) for fix in fixes)


def test_the_pages_in_docs_are_those_of_the_rules():
    """`python -m unleak.check docs/check` writes them."""
    folder = ROOT / "docs" / "check"
    written = {path.name: path.read_text() for path in folder.glob("*.md")}
    expected = {name + ".md": page.page(rule) for name, rule in RULES.items()}
    expected["README.md"] = page.index(RULES.values())
    assert written == expected
