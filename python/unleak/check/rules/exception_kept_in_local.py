"""A local variable keeps the exception that the function caught.

## What it finds

`except Error as e: problem = e` in a function that neither deletes nor resets `problem`, nor raises or returns it at its end.

## Why

The exception refers to its traceback, the traceback to the frame of the function, the frame to the variable: a cycle, made each
time the exception occurs, with all locals of all functions below. Python deletes `e` for this reason; the second name
undoes it.

## Instead

`problem = None` (or `del`) in a `finally`; keep the text (`str(e)`) or `e.with_traceback(None)`.

## Limits

Off by default: the collector frees the cycle, and it matters only where locals are large or memory has to go at once.
"""

from __future__ import annotations

import ast
from typing import Iterator

from unleak.check.finding import Finding
from unleak.check.module import SCOPES, Module, own, walk
from unleak.check.names import is_constant, is_name
from unleak.check.rule import Facts

RULE = Facts(
    summary="a local keeps a caught exception, whose traceback refers to the function's frame",
    group="frame",
    remedy="clear-traceback",
    kinds=("reference-cycle", "pinned-frame"),
    words=(r"\bexcept\b",),
    fixes=("urllib3/urllib3@195b24b1b", "redis/redis-py#4195", "django/asgiref#508", "agronholm/anyio#809"),
)


def check(module: Module) -> Iterator[Finding]:
    for node in module.nodes(ast.Assign):
        function = module.function_of(node) if isinstance(node.value, ast.Name) else None
        if function is None or not _is_caught(module, node, node.value.id):  # type: ignore[attr-defined]
            continue
        for target in node.targets:
            if isinstance(target, ast.Name) and not _let_go(function, target.id):
                text = "%s keeps the exception, its traceback and this function's frame in a cycle" % target.id
                yield module.finding(__name__, node, text, function.name)


def _is_caught(module: Module, node: ast.AST, name: str) -> bool:
    """Whether a name is that of an `except ... as name` around the node, in the same function."""
    for above in module.ancestors(node):
        if isinstance(above, ast.ExceptHandler) and above.name == name:
            return True
        if isinstance(above, SCOPES):
            return False
    return False


def _let_go(function: ast.AST, name: str) -> bool:
    """Whether the function deletes the name or makes it None after a handler (not only before all of them)."""
    for node in own(function):
        if isinstance(node, ast.Delete) and any(is_name(target, name) for target in node.targets):
            return True
        if isinstance(node, ast.Try):
            for part in walk(*node.finalbody):
                if isinstance(part, ast.Assign) and is_constant(part.value, None):
                    if any(is_name(target, name) for target in part.targets):
                        return True
        if isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names:
            return True
    return False
