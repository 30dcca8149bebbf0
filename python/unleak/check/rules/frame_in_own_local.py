"""A function keeps its own frame in a local variable.

## What it finds

`frame = inspect.currentframe()`, `frame = sys._getframe()` and `stack = inspect.stack()` in a function that neither
deletes nor rebinds the name.

## Why

The frame holds the function's locals, and one of them is the frame: a cycle made by every call, with all locals of the
function, and through `f_back` those of its callers, in tow until the collector runs.

## Instead

`del frame` in a `finally`; or step to the caller at once (`inspect.currentframe().f_back`), which makes no cycle.

## Limits

A name that is assigned again anywhere in the function is taken to let the frame go.
"""

from __future__ import annotations

import ast
from typing import Iterator

from unleak.check.finding import Finding
from unleak.check.module import Module
from unleak.check.names import assigned, is_constant, simple_assignments
from unleak.check.rule import Facts

RULE = Facts(
    summary="a function keeps its own frame in a local variable",
    group="frame",
    remedy="del",
    kinds=("reference-cycle", "pinned-frame"),
    words=(r"\bcurrentframe\b|\b_getframe\b|\bstack\(",),
    default=True,
    fixes=("SCons/scons#2149", "stb-tester/stb-tester#587", "napari/napari#1635"),
)
OWN_FRAME = {"inspect.currentframe", "sys._getframe", "inspect.stack"}


def check(module: Module) -> Iterator[Finding]:
    for function in module.functions():
        bindings = None
        for name, value, statement in simple_assignments(function):
            if not _own_frame(module, value):
                continue
            bindings = assigned(function) if bindings is None else bindings
            if len(bindings[name]) == 1:
                text = "%s holds the frame whose local it is: every call leaves a cycle to the collector" % name
                yield module.finding(__name__, statement, text, function.name)


def _own_frame(module: Module, value: ast.AST) -> bool:
    if not isinstance(value, ast.Call) or module.name(value.func) not in OWN_FRAME:
        return False
    if module.name(value.func) == "sys._getframe":
        return not value.args or is_constant(value.args[0], 0)
    return True
