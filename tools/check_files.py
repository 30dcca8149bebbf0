"""Fails on files and Python functions that are too long, and on text that belongs to one machine or one registry."""

import ast
import re
import sys
from typing import Iterator, List

from repo import Finding, Repository, matches, run_check


def check(repository: Repository) -> List[Finding]:
    return [*_sizes(repository), *_functions(repository), *_words(repository)]


def _sizes(repository: Repository) -> Iterator[Finding]:
    rules = repository.rules["sizes"]
    for path in repository.files(*rules["globs"]):
        lines = repository.text(path).count("\n")
        most = rules["test_file_lines" if path.startswith("tests/") or "_test." in path else "file_lines"]
        if lines > most and not matches(path, rules["exempt"]):
            yield Finding(path, 0, "%d lines; a file has at most %d" % (lines, most))


def _functions(repository: Repository) -> Iterator[Finding]:
    most = repository.rules["sizes"]["function_lines"]
    for path in repository.files("*.py"):
        for node in ast.walk(_parsed(repository, path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > most:
                    yield Finding(
                        path, node.lineno, "%s has %d lines; a function has at most %d" % (node.name, lines, most)
                    )


def _parsed(repository: Repository, path: str) -> ast.AST:
    """The module; an empty one where this Python cannot read the syntax (ruff judges that)."""
    try:
        return ast.parse(repository.text(path), path)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _words(repository: Repository) -> Iterator[Finding]:
    rules = repository.rules["words"]
    patterns = [(re.compile(rule["pattern"]), rule["why"]) for rule in rules["forbidden"]]
    for path in repository.files():
        if matches(path, rules["exempt"]):
            continue
        for number, line in enumerate(repository.text(path).splitlines(), 1):
            for pattern, why in patterns:
                found = pattern.search(line)
                if found:
                    yield Finding(path, number, "%r: %s" % (found.group(0), why))


if __name__ == "__main__":
    sys.exit(run_check(check, __doc__))
