"""A finalizer that keeps alive the object whose end it waits for.

## What it finds

`weakref.finalize(obj, ...)` whose callback or arguments hold `obj`: a bound method of it, the object itself, a lambda,
local function or partial that uses it.

## Why

The registry of finalizers holds the callback and its arguments until the object dies. If they hold the object, it never
dies before the program does, and the finalizer never runs.

```python
class Connection:
    def __init__(self):
        self._finalizer = weakref.finalize(self, self.close)     # no Connection is ever freed
```

## Instead

A function outside of the class (or a static method) that gets only what it has to release:
`weakref.finalize(self, _close_socket, self._socket)`.

## Limits

An argument that reaches the object in several steps is not seen.
"""

from __future__ import annotations

import ast
from typing import Iterator

from unleak.check.finding import Finding
from unleak.check.module import Module
from unleak.check.names import holds, is_attribute_of
from unleak.check.rule import Facts

RULE = Facts(
    summary="a finalizer keeps its own object alive",
    group="weakref",
    remedy="weakref",
    kinds=("weakref-misuse", "growing-container", "listener"),
    words=(r"\bfinalize\b",),
    default=True,
    fixes=(
        "trezor/cython-hidapi#132",
        "holoviz/param#1174",
    ),
    proven=(
        "bluesky/ophyd@2a8af43d",
        "DiamondLightSource/httomo@881a0738",
    ),
)


def check(module: Module) -> Iterator[Finding]:
    for call in module.nodes(ast.Call):
        if module.name(call.func) != "weakref.finalize" or len(call.args) < 2:
            continue
        watched = call.args[0]
        if not isinstance(watched, ast.Name):
            continue
        klass, _ = module.method_of(call)
        for value in [*call.args[1:], *(k.value for k in call.keywords)]:
            if holds(module, value, watched.id, klass) or _foreign_method(module, call, value, watched.id):
                subject = klass.name if klass and watched.id == "self" else watched.id
                text = "the finalizer of %s keeps %s alive: it never runs before the program ends" % (
                    watched.id,
                    watched.id,
                )
                yield module.finding(__name__, call, text, subject)
                break


def _foreign_method(module: Module, call: ast.Call, value: ast.AST, name: str) -> bool:
    """`finalize(obj, obj.close)`: a callback read from the object is a method of it, wherever its class is."""
    return value is call.args[1] and name != "self" and bool(is_attribute_of(value, name))
