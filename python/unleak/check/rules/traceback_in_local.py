"""A local variable keeps the traceback of the exception that is being handled.

## What it finds

`kind, value, tb = sys.exc_info()`, `info = sys.exc_info()` and `tb = e.__traceback__` in a function that neither deletes nor resets the
name.

## Why

The traceback refers to the frame of the function, the frame to the variable: a cycle with every local of every function on
the way, left to the collector.

## Instead

`del tb` in a `finally`; `sys.exc_info()[1]` where only the value is needed; `traceback.format_exc()` for the text.

## Limits

Off by default: the collector frees it. Outside of an `except` block `sys.exc_info()` is usually empty.
"""

from __future__ import annotations

import ast
from typing import Iterator, Optional

from unleak.check.finding import Finding
from unleak.check.module import Module, own
from unleak.check.names import assigned
from unleak.check.rule import Facts

RULE = Facts(
    summary="a local keeps a traceback, which refers to the function's own frame",
    group="frame",
    remedy="del",
    kinds=("reference-cycle", "pinned-frame"),
    words=(r"\bexc_info\b|__traceback__",),
    fixes=("tornadoweb/tornado@c1a123a8c", "python-trio/trio@de07659cc"),
)


def check(module: Module) -> Iterator[Finding]:
    for function in module.functions():
        for node in own(function):
            target = _keeps(module, node) if isinstance(node, ast.Assign) else None
            if target is not None and len(assigned(function).get(target, ())) == 1:
                text = "%s keeps the traceback and through it this function's frame, in a cycle" % target
                yield module.finding(__name__, node, text, function.name)


def _keeps(module: Module, node: ast.Assign) -> Optional[str]:
    """The name that gets the traceback."""
    target = node.targets[0]
    is_call = isinstance(node.value, ast.Call) and module.name(node.value.func) == "sys.exc_info"
    if is_call and isinstance(target, (ast.Tuple, ast.List)) and len(target.elts) == 3:
        target = target.elts[2]
        return target.id if isinstance(target, ast.Name) and target.id != "_" else None
    own_traceback = isinstance(node.value, ast.Attribute) and node.value.attr == "__traceback__"
    return target.id if (is_call or own_traceback) and isinstance(target, ast.Name) else None
