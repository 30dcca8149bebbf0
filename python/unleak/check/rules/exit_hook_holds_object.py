"""Every object registers a hook that the interpreter keeps to its end.

## What it finds

`atexit.register(self.method)`, `os.register_at_fork(...=self.method)` and the same with a lambda, local function or
partial over `self`, in a class that never unregisters it.

## Why

The interpreter holds the hooks until it ends, the hook holds the object: no object of the class is ever freed.

```python
class Exporter:
    def __init__(self):
        atexit.register(self.shutdown)
```

## Instead

`atexit.unregister(self.shutdown)` where the object is closed; one hook of the module over a `weakref.WeakSet` of
objects; `weakref.finalize(self, function, values)`, which runs at exit too. Hooks of `os.register_at_fork` cannot be
taken back: give it a function that asks a `weakref.WeakMethod`.

## Limits

A class of which the module makes the only object, or that keeps its one instance, is not reported.
"""

from __future__ import annotations

import ast
from typing import Iterator, List

from unleak.check.finding import Finding
from unleak.check.module import Module
from unleak.check.names import holds, made_once, self_name
from unleak.check.rule import Facts

RULE = Facts(
    summary="an object registers an exit or fork hook and never takes it back",
    group="registry",
    remedy="unregister",
    kinds=("listener", "growing-container"),
    words=(r"\batexit\b|\bregister_at_fork\b",),
    default=True,
    fixes=("celery/celery#1949",),
    proven=(
        "open-telemetry/opentelemetry-python@4dc6b3b95",
        "open-telemetry/opentelemetry-python@5de1ccbfe",
    ),
)
HOOKS = {"atexit.register", "os.register_at_fork"}


def check(module: Module) -> Iterator[Finding]:
    unregisters = any(module.name(call.func) == "atexit.unregister" for call in module.nodes(ast.Call))
    for call in module.nodes(ast.Call):
        name = module.name(call.func)
        if name not in HOOKS or (name == "atexit.register" and unregisters):
            continue
        klass, method = module.method_of(call)
        if klass is None or method is None or not self_name(method) or made_once(module, klass):
            continue
        values: List[ast.expr] = [*call.args, *(k.value for k in call.keywords)]
        if any(holds(module, value, self_name(method), klass) for value in values):
            text = "%s keeps every %s until the program ends: nothing takes the hook back" % (name, klass.name)
            yield module.finding(__name__, call, text, klass.name)
