"""A whole file in memory, where only one line after the other is used.

## What it finds

`for line in file.readlines():`, also in a comprehension, and `for line in file.read().splitlines():` or `.split("\\n")`, where the
file is opened in the same function.

## Why

The whole file is read, then held once more as a list of lines, until the loop ends. The peak is more than twice the size of
the file; the loop needs one line.

## Instead

`for line in file:`, which reads in blocks. `.rstrip("\\n")` where the line end is in the way.

## Limits

Only files that the function opens itself with `open`, `gzip.open` and the like, for text, and that are not written to in the loop.
"""

from __future__ import annotations

import ast
from typing import Iterator, Optional

from unleak.check.finding import Finding
from unleak.check.module import Module
from unleak.check.names import is_constant
from unleak.check.rule import Facts
from unleak.check.rules.whole_file_read import opened

RULE = Facts(
    summary="a loop over lines reads the whole file first",
    group="read",
    remedy="stream",
    kinds=("bulk-read",),
    words=(r"\breadlines\(\)|\.read\(\)\.split",),
    default=True,
    fixes=(
        "f-prime/HTTPLang#4",
        "innogames/igcollect#76",
        "BiomedSciAI/fuse-drug#81",
    ),
    proven=("nasa/fprime-gds@28e5ea7",),
)


def check(module: Module) -> Iterator[Finding]:
    sources = [loop.iter for loop in module.nodes(ast.For)] + [part.iter for part in module.nodes(ast.comprehension)]
    for source in sources:
        file = _read_at_once(source)
        if file is not None and opened(module, source, file):
            text = "the whole file is read and held as a list: iterate over the file itself"
            yield module.finding(__name__, source, text)


def _read_at_once(source: ast.expr) -> Optional[ast.expr]:
    """The file of `file.readlines()` or `file.read().splitlines()`."""
    if not isinstance(source, ast.Call) or not isinstance(source.func, ast.Attribute):
        return None
    if source.func.attr == "readlines" and not source.args and not source.keywords:
        return source.func.value
    lines = source.func.attr == "splitlines" and not source.args
    lines = lines or source.func.attr == "split" and len(source.args) == 1 and is_constant(source.args[0], "\n", b"\n")
    inner = source.func.value
    if lines and isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
        return inner.func.value if inner.func.attr == "read" and not inner.args else None
    return None
