"""SARIF 2.1.0 (OASIS standard), as code scanning services read it."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List
from urllib.parse import quote

from unleak.check import registry
from unleak.check.finding import Finding, Problem
from unleak.check.page import remarks
from unleak.check.result import Result

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"confirmed": "error", "probable": "warning", "possible": "note"}
RANKS = {"confirmed": 90.0, "probable": 60.0, "possible": 20.0}


def render(result: Result) -> str:
    return json.dumps(document(result), indent=2) + "\n"


def document(result: Result) -> Dict[str, Any]:
    names = sorted({*result.rules, *(f.rule for f in result.findings + result.suppressed)})
    index = {name: at for at, name in enumerate(names)}
    version = result.tool.rpartition(" ")[2]
    run = {
        "tool": {"driver": {"name": "unleak", "semanticVersion": version, "version": version, "rules": [_rule(n) for n in names]}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"ROOT": {"uri": "file://" + quote(os.getcwd().rstrip("/") + "/")}},
        "invocations": [{
            "executionSuccessful": True,
            "toolExecutionNotifications": [_notification(p) for p in result.problems],
        }],
        "results": [_result(f, index) for f in result.findings]
        + [{**_result(f, index), "suppressions": [{"kind": "inSource"}]} for f in result.suppressed],
    }  # fmt: skip
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(name: str) -> Dict[str, Any]:
    rule = registry.all_rules().get(name)
    if rule is None:
        text = "a comment `# unleak: ignore[...]` that suppresses nothing"
        return {"id": name, "shortDescription": {"text": text}, "defaultConfiguration": {"level": "note"}}
    level = "warning" if rule.facts.default else "note"
    return {
        "id": name,
        "name": "".join(part.capitalize() for part in name.split("-")),
        "shortDescription": {"text": rule.facts.summary},
        "fullDescription": {"text": remarks(rule).splitlines()[0]},
        "help": {"text": remarks(rule), "markdown": remarks(rule)},
        "defaultConfiguration": {"level": level, "enabled": rule.facts.default},
        "properties": {"tags": ["memory", rule.facts.group], "precision": "high" if rule.facts.default else "low"},
    }


def _result(finding: Finding, index: Dict[str, int]) -> Dict[str, Any]:
    result: Dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "kind": "pass" if finding.verdict == "dismissed" else "fail",
        "level": "none" if finding.verdict == "dismissed" else LEVELS[finding.certainty],
        "rank": RANKS[finding.certainty],
        "message": {"text": finding.message + (". " + finding.grounds if finding.grounds else "")},
        "locations": [_location(finding)],
        "partialFingerprints": {"unleak/v1": finding.fingerprint},
        "properties": {"certainty": finding.certainty, "evidence": finding.verdict or "none"},
    }
    if finding.places:
        result["relatedLocations"] = [
            {"id": at, "physicalLocation": {"artifactLocation": _artifact(finding.path), "region": {"startLine": line}}}
            for at, line in enumerate(finding.places)
        ]
    return result


def _location(finding: Finding) -> Dict[str, Any]:
    region: Dict[str, Any] = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
    }
    if finding.code:
        region["snippet"] = {"text": finding.code}
    location: Dict[str, Any] = {"physicalLocation": {"artifactLocation": _artifact(finding.path), "region": region}}
    if finding.symbol:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.symbol}]
    return location


def _artifact(path: str) -> Dict[str, Any]:
    """Relative to the folder that the check ran in, where it is below it."""
    clean = os.path.relpath(path) if os.path.isabs(path) else os.path.normpath(path)
    if clean.startswith(".."):
        return {"uri": "file://" + quote(os.path.abspath(path))}
    return {"uri": quote(clean.replace(os.sep, "/")), "uriBaseId": "ROOT"}


def _notification(problem: Problem) -> Dict[str, Any]:
    location: Dict[str, Any] = {"artifactLocation": _artifact(problem.path)}
    if problem.line:
        location["region"] = {"startLine": problem.line}
    locations: List[Dict[str, Any]] = [{"physicalLocation": location}]
    return {"level": "warning", "message": {"text": problem.message}, "locations": locations}
