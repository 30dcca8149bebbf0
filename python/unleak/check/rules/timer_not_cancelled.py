"""A timer over a method, that the class never cancels.

## What it finds

`self.timer = threading.Timer(..., self.method)`, `self.handle = loop.call_later(..., self.method)` or `call_at`, in a class that never calls
`cancel` on it.

## Why

Until it fires, the loop or the timer's thread holds the method, and with it the object and all that it refers to, closed or not. One that sets
itself anew holds it for ever.

## Instead

`self.handle.cancel()` where the object is closed, and `self.handle = None`.

## Limits

Off by default: a short delay does little harm.
"""

from __future__ import annotations

import ast
from typing import Iterator

from unleak.check.finding import Finding
from unleak.check.module import Module
from unleak.check.names import holds, made_once, self_name
from unleak.check.rule import Facts

RULE = Facts(
    summary="a timer holds its object until it fires, and is never cancelled",
    group="work",
    remedy="cancel",
    kinds=("unfinished-task", "listener", "growing-container"),
    words=(r"\bTimer\b|\bcall_later\b|\bcall_at\b",),
    fixes=("aio-libs/aiohttp#1756", "MagicStack/asyncpg#831", "encode/uvicorn#1604", "celery/celery#2927"),
)
LOOP = {"call_later", "call_at"}


def check(module: Module) -> Iterator[Finding]:
    for call in module.nodes(ast.Call):
        is_loop = isinstance(call.func, ast.Attribute) and call.func.attr in LOOP
        if not is_loop and module.name(call.func) != "threading.Timer":
            continue
        klass, method = module.method_of(call)
        if klass is None or method is None or made_once(module, klass):
            continue
        values = [*call.args[1:], *(k.value for k in call.keywords)]
        if any(holds(module, value, self_name(method), klass) for value in values) and not _cancels(klass):
            text = "until it fires, the timer holds the %s, and nothing in the class cancels it" % klass.name
            yield module.finding(__name__, call, text, klass.name)


def _cancels(klass: ast.ClassDef) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr in ("cancel", "stop") for node in ast.walk(klass))
