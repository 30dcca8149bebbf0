"""A file read in one piece.

## What it finds

`open(path).read()`, `with open(path) as file: ... file.read()`, `.readlines()` and `Path(path).read_text()` or `.read_bytes()`.

## Why

All of the file is in memory at once, and stays as long as a name refers to it. The size is the input's, not the program's: what
is a megabyte in a test is the memory of the machine some day.

## Instead

Line by line (`for line in file`), in blocks (`iter(lambda: file.read(1 << 20), b"")`), `shutil.copyfileobj` to copy, a streaming
parser to parse.

## Limits

Off by default: most files that are read whole are small, such as settings and templates, and no text says which. A path that is a
constant of the program is left out. A run that showed a bulk read at the place confirms it.
"""

from __future__ import annotations

import ast
from typing import Iterator, Optional

from unleak.check.finding import Finding
from unleak.check.module import Module, own
from unleak.check.names import argument, is_name
from unleak.check.rule import Facts

RULE = Facts(
    summary="a file is read in one piece",
    group="read",
    remedy="stream",
    kinds=("bulk-read",),
    words=(r"\bread\(\)|\breadlines\(\)|\bread_text\(|\bread_bytes\(",),
    fixes=("optuna/optuna@e0188e600", "matrix-org/synapse#9958", "urllib3/urllib3#5019"),
)
OPENERS = {"open", "io.open", "codecs.open", "gzip.open", "bz2.open", "lzma.open"}


def check(module: Module) -> Iterator[Finding]:
    for call in module.nodes(ast.Call):
        if not isinstance(call.func, ast.Attribute):
            continue
        if call.func.attr in ("read_text", "read_bytes"):
            path = call.func.value
            if not (isinstance(path, ast.Call) and path.args and isinstance(path.args[0], ast.Constant)):
                yield module.finding(__name__, call, "all of the file is read into memory")
        elif call.func.attr in ("read", "readlines") and not call.args and not call.keywords:
            found = opened(module, call, call.func.value)
            if found is not None and not isinstance(argument(found, 0, "file"), ast.Constant):
                yield module.finding(__name__, call, "all of the file is read into memory")


def opened(module: Module, node: ast.AST, file: ast.expr) -> Optional[ast.Call]:
    """The call that opened a file in the same function: itself, or what a `with` or an assignment gave the name."""
    if isinstance(file, ast.Call):
        return file if module.name(file.func) in OPENERS else None
    if not isinstance(file, ast.Name):
        return None
    scope = module.function_of(node) or module.tree
    for part in own(scope):
        value = _bound_to(part, file.id)
        if isinstance(value, ast.Call) and module.name(value.func) in OPENERS:
            return value
    return None


def _bound_to(node: ast.AST, name: str) -> Optional[ast.expr]:
    if isinstance(node, ast.withitem) and is_name(node.optional_vars, name):
        return node.context_expr
    if isinstance(node, ast.Assign) and any(is_name(target, name) for target in node.targets):
        return node.value
    return None
