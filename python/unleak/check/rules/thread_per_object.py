"""Every object starts a thread, and never ends it.

## What it finds

`threading.Thread(target=self.method)` started in `__init__`, in a class that neither joins it nor sets an event or flag for it to end.

## Why

A running thread is held by the interpreter, its target by the thread, the object by its method: no object of the class is freed
while its thread runs, which is for ever, and each costs a stack.

## Instead

Start it in `start()` or `__enter__`, end and join it in `close()` or `__exit__`; one worker for all objects; a target that holds only a
weak reference to the object.

## Limits

Off by default: a target that ends by itself, or on an object's last use, is not seen.
"""

from __future__ import annotations

import ast
from typing import Iterator

from unleak.check.finding import Finding
from unleak.check.module import Module
from unleak.check.names import holds, keyword, made_once, self_name
from unleak.check.rule import Facts

RULE = Facts(
    summary="every object starts a thread over its method, and never ends it",
    group="work",
    remedy="cancel",
    kinds=("unfinished-task", "growing-container"),
    words=(r"\bThread\b",),
    fixes=("prometheus/client_python#340", "aio-libs/aiokafka#629", "langfuse/langfuse#2974"),
)
ENDS = {"join", "set", "cancel", "stop", "shutdown", "terminate"}


def check(module: Module) -> Iterator[Finding]:
    for call in module.nodes(ast.Call):
        if module.name(call.func) != "threading.Thread":
            continue
        klass, method = module.method_of(call)
        target = keyword(call, "target")
        if klass is None or method is None or method.name != "__init__" or target is None or made_once(module, klass):
            continue
        ends = any(isinstance(node, ast.Attribute) and node.attr in ENDS for node in ast.walk(klass))
        if holds(module, target, self_name(method), klass) and not ends:
            text = "each %s starts a thread that holds it, and nothing in the class ends the thread" % klass.name
            yield module.finding(__name__, call, text, klass.name)
