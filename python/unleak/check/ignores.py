"""`# unleak: ignore[rule]` and `# unleak: ignore[rule, rule]`: what a line's author has decided.

On a line of code it holds for findings of that line; on the first line of a `def` or `class` for all of its body; on a
line of its own at the top of the file, before any code, for the file. `# unleak: ignore` without rules does not
exist: a suppression says what it suppresses.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from unleak.check import registry
from unleak.check.finding import Finding

_COMMENT = re.compile(r"(?:^|\s)#\s*unleak:\s*ignore\b(?:\s*\[([^\]]*)\])?")
_WHOLE_FILE = 0


class Ignore(NamedTuple):
    """One name in one comment."""

    line: int
    column: int
    rule: str
    first: int  # lines that it holds for; first 0: all of the file
    last: int


def find(text: str, tree: Optional[ast.Module]) -> List[Ignore]:
    """All of a file. `tree` tells how far a `def` reaches; without it each holds for its line."""
    if "unleak:" not in text:
        return []
    reach = _reach(tree) if tree else {}
    first_code = tree.body[0].lineno if tree and tree.body else 0
    found = []
    for line, column, rules, alone in _comments(text):
        first, last = line, reach.get(line, line)
        if alone and line < first_code:
            first, last = _WHOLE_FILE, 1 << 60
        found += [Ignore(line, column, rule, first, last) for rule in rules]
    return found


def _comments(text: str) -> Iterator[Tuple[int, int, List[str], bool]]:
    """(line, column, rules, whether the comment has the line for itself). Only comments: not strings that hold one."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            found = _COMMENT.search(token.string) if token.type == tokenize.COMMENT else None
            if found:
                rules = [name.strip() for name in (found.group(1) or "").split(",") if name.strip()] or [""]
                yield token.start[0], token.start[1] + 1, rules, not token.line[: token.start[1]].strip()
    except (tokenize.TokenError, SyntaxError):
        return  # the rest of the file is told as a syntax error already


def _reach(tree: ast.Module) -> Dict[int, int]:
    """Line of a `def` or `class` (and of its decorators) to its last line."""
    reach: Dict[int, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for line in [node.lineno, *(d.lineno for d in node.decorator_list)]:
                reach[line] = max(reach.get(line, 0), node.end_lineno or line)
    return reach


def apply(findings: List[Finding], ignores: List[Ignore]) -> Tuple[List[Finding], List[Finding], Set[Ignore]]:
    """(findings that stay, findings that are suppressed, ignores that suppressed something)."""
    if not ignores:
        return findings, [], set()
    stay: List[Finding] = []
    suppressed: List[Finding] = []
    used: Set[Ignore] = set()
    for finding in findings:
        fitting = [ignore for ignore in ignores if _fits(ignore, finding)]
        used.update(fitting)
        (suppressed if fitting else stay).append(finding)
    return stay, suppressed, used


def _fits(ignore: Ignore, finding: Finding) -> bool:
    if ignore.rule != finding.rule:
        return False
    return ignore.first <= finding.end_line and finding.line <= ignore.last


def leftover(path: str, text: str, ignores: List[Ignore], used: Set[Ignore], ran: Set[str]) -> Iterator[Finding]:
    """A finding for each ignore that suppresses nothing, unless its rule did not run."""
    lines = text.splitlines()
    for ignore in ignores:
        if ignore in used or (ignore.rule in registry.all_rules() and ignore.rule not in ran):
            continue
        if not ignore.rule:
            message = "names no rule: write `# unleak: ignore[RULE]`"
        elif ignore.rule in ran:
            message = "suppresses nothing: %s finds nothing here" % ignore.rule
        else:
            message = "suppresses nothing: there is no rule %s" % ignore.rule
        code = lines[ignore.line - 1].strip()
        yield Finding(registry.UNUSED, path, ignore.line, ignore.column, ignore.line,
                      ignore.column + 1, message, code=code)  # fmt: skip
