"""Checks one file: reads it, asks each rule whether its text is worth parsing, parses once, runs the rules."""

from __future__ import annotations

import ast
import gc
import sys
import warnings
from typing import List, Sequence, Tuple, Union

from unleak.check import files, ignores
from unleak.check.finding import FileReport, Finding, Problem
from unleak.check.module import Module
from unleak.check.rule import Rule


def check_file(path: str, rules: Sequence[Rule]) -> FileReport:
    """What the rules find in a file. Never raises for what is in the file."""
    source = files.read(path)
    if isinstance(source, Problem):
        return FileReport(path, 0, [], [], [source])
    return check_text(path, source, rules)


def check_text(path: str, source: files.Text, rules: Sequence[Rule]) -> FileReport:
    lines = source.data.count(b"\n") + (not source.data.endswith(b"\n") and bool(source.data))
    wanted = [rule for rule in rules if rule.may_find(source.data)]
    has_ignores = b"unleak:" in source.data
    if not wanted and not has_ignores:
        return FileReport(path, lines, [], [], [], source.sha256)
    collecting = gc.isenabled()
    gc.disable()  # trees are large and acyclic: looking for cycles in them takes a fifth of the time
    try:
        tree = parse(path, source.text)
        if isinstance(tree, Problem):
            return FileReport(path, lines, [], [], [tree], source.sha256)
        findings, problems = _run(Module(path, source.text, tree), wanted) if wanted else ([], [])
        found = ignores.find(source.text, tree) if has_ignores else []
    finally:
        if collecting:
            gc.enable()
    stay, suppressed, used = ignores.apply(findings, found)
    stay += ignores.leftover(path, source.text, found, used, {rule.name for rule in rules})
    stay.sort(key=lambda finding: (finding.line, finding.column, finding.rule))
    return FileReport(path, lines, stay, suppressed, problems, source.sha256)


def parse(path: str, text: str) -> Union[ast.Module, Problem]:
    """The tree, or why this Python cannot make one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes in the checked file
            return ast.parse(text, path)
    except SyntaxError as problem:
        return Problem(path, problem.lineno or 0, syntax_message(problem))
    except (RecursionError, MemoryError):
        return Problem(path, 0, "is nested too deeply for the parser of this Python")
    except (ValueError, OverflowError) as problem:
        return Problem(path, 0, "cannot be parsed: %s" % problem)


def syntax_message(problem: SyntaxError) -> str:
    """Newer syntax cannot be told from wrong syntax: both readings are said."""
    version = "%d.%d" % sys.version_info[:2]
    return "is not syntax of Python %s, which runs this check: %s; if the file is for a newer Python, run unleak with that" % (
        version, problem.msg)  # fmt: skip


def _run(module: Module, rules: Sequence[Rule]) -> Tuple[List[Finding], List[Problem]]:
    findings: List[Finding] = []
    problems: List[Problem] = []
    for rule in rules:
        try:
            found = {(f.line, f.column, f.message): f for f in rule.check(module)}
        except Exception as problem:  # noqa: BLE001 - one rule's mistake must not cost the others' findings
            text = "the rule %s failed: %s: %s" % (rule.name, type(problem).__name__, problem)
            problems.append(Problem(module.path, 0, text))
            continue
        findings += [finding._replace(certainty=rule.certainty) for finding in found.values()]
    return findings, problems
