"""Fails on an include or a Python import that goes up, or sideways, in the layers of layers.toml."""

import ast
import re
import sys
from pathlib import PurePosixPath
from typing import Dict, Iterator, List, Tuple

from repo import Finding, Repository, run_check

_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


def check(repository: Repository) -> List[Finding]:
    return [*_check_cpp(repository), *_check_python(repository)]


def _ranks(order: List[List[str]]) -> Dict[str, int]:
    return {name: rank for rank, names in enumerate(order) for name in names}


def _check_cpp(repository: Repository) -> Iterator[Finding]:
    ranks = _ranks(repository.rules["cpp"]["order"])
    for path in repository.files("src/*.h", "src/*.cc", "src/*.c", "src/*.inc"):
        own = PurePosixPath(path).parts[1]
        if own not in ranks:
            yield Finding(path, 0, "folder src/%s is in no layer of layers.toml" % own)
            continue
        free = repository.rules["cpp"]["tests_may_include"] if path.endswith("_test.cc") else []
        for number, line in enumerate(repository.text(path).splitlines(), 1):
            found = _INCLUDE.match(line)
            if found:
                parts = PurePosixPath(found.group(1)).parts
                if parts[0] not in free:
                    yield from _judge(path, number, own, parts[0], ranks, "includes")
                if ".." in parts:
                    yield Finding(path, number, "includes by a relative path: write it from src/")


def _judge(path: str, line: int, own: str, other: str, ranks: Dict[str, int], verb: str) -> Iterator[Finding]:
    if other in ranks and other != own and ranks[other] >= ranks[own]:
        where = "beside it" if ranks[other] == ranks[own] else "above it"
        yield Finding(path, line, "%s %s %s, which is %s" % (own, verb, other, where))


def _check_python(repository: Repository) -> Iterator[Finding]:
    ranks = _ranks(repository.rules["python"]["order"])
    for path in repository.files("python/unleak/*.py"):
        parts = PurePosixPath(path).with_suffix("").parts[2:]
        if parts[0] in ("__init__", "__main__"):
            continue
        if parts[0] not in ranks:
            yield Finding(path, 0, "unleak.%s is in no layer of layers.toml" % parts[0])
            continue
        for line, other in _imported(repository.text(path), path, parts):
            yield from _judge(path, line, parts[0], other, ranks, "imports")


def _imported(text: str, path: str, parts: Tuple[str, ...]) -> Iterator[Tuple[int, str]]:
    """(line, name) of each part of unleak that a module imports, at its top or within a function."""
    package = ("unleak", *parts[:-1])
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.Import):
            modules = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            modules = ["%s.%s" % (module, name.name) for name in node.names]
        else:
            continue
        for module in modules:
            names = module.split(".")
            if names[0] == "unleak" and len(names) > 1:
                yield node.lineno, names[1]


if __name__ == "__main__":
    sys.exit(run_check(check, __doc__))
