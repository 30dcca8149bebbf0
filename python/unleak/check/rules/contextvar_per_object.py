"""A context variable for each object or call.

## What it finds

`contextvars.ContextVar(...)` made in a function or method, except at most once for the program.

## Why

A context that has a value for the variable holds both strongly. Contexts are copied for every task and callback and live as long as
these; in the context of a thread or of the main program a variable that was set stays for ever, and with it its value. The
documentation of `contextvars` asks for variables at the top of a module for this reason.

## Instead

One variable at the top of the module, whose value is a dict by object or a `weakref.WeakKeyDictionary`; `reset(token)` in a `finally`.

## Limits

A variable that is never set outside of a short-lived context goes with it. Classes of which the module makes the only object, and
functions that keep their one result, are not reported.
"""

from __future__ import annotations

import ast
from typing import Iterator

from unleak.check.finding import Finding
from unleak.check.module import Module
from unleak.check.names import made_once
from unleak.check.rule import Facts

RULE = Facts(
    summary="a ContextVar is made for each object or call, and contexts keep it with its value",
    group="context",
    remedy="hoist",
    kinds=("context", "growing-container"),
    words=(r"\bContextVar\b",),
    fixes=("encode/databases#546", "KLR-Pattern/pydantic-resolve#216"),
)


def check(module: Module) -> Iterator[Finding]:
    for call in module.nodes(ast.Call):
        if module.name(call.func) != "contextvars.ContextVar":
            continue
        function = module.function_of(call)
        klass = module.class_of(call)
        if function is None or klass is not None and made_once(module, klass):
            continue
        if any(isinstance(node, ast.Global) for node in ast.walk(function)):
            continue
        text = "a new ContextVar in every call: each context in which it is set keeps it and its value"
        yield module.finding(__name__, call, text, module.qualified_name(call))
