"""A weak reference to a bound method, which is dead at once.

## What it finds

`weakref.ref(self.method)` and `weakref.proxy(self.method)`, where the class defines `method`.

## Why

Reading `self.method` makes a new method object each time. Nobody else holds it, so the weak reference to it is dead before the
next line: the callback is never called, and dead references pile up where they are collected.

## Instead

`weakref.WeakMethod(self.method)`, which lives as long as the object does.

## Limits

Only methods that the class itself defines, without a decorator, are known to be methods.
"""

from __future__ import annotations

import ast
from typing import Iterator

from unleak.check.finding import Finding
from unleak.check.module import Module
from unleak.check.names import is_attribute_of, methods, self_name
from unleak.check.rule import Facts

RULE = Facts(
    summary="a weak reference to a bound method is dead at once",
    group="weakref",
    remedy="weakref",
    kinds=("weakref-misuse", "listener"),
    words=(r"\bweakref\b",),
    default=True,
    fixes=("redis/redis-py#2767", "pika/pika@657f01768", "matplotlib/matplotlib#4118"),
)
WEAK = {"weakref.ref", "weakref.proxy", "weakref.ReferenceType"}


def check(module: Module) -> Iterator[Finding]:
    for call in module.nodes(ast.Call):
        if not call.args or module.name(call.func) not in WEAK:
            continue
        klass, method = module.method_of(call)
        if klass is None or method is None:
            continue
        name = is_attribute_of(call.args[0], self_name(method))
        if name in methods(klass) and not _instance_attribute(klass, name):
            text = "%s.%s is a new object each time it is read: this reference to it is dead at once" % (
                klass.name,
                name,
            )
            yield module.finding(__name__, call, text, "%s.%s" % (klass.name, name))


def _instance_attribute(klass: ast.ClassDef, name: str) -> bool:
    """Whether an object may have something else under the method's name."""
    for node in ast.walk(klass):
        if isinstance(node, ast.Attribute) and node.attr == name and not isinstance(node.ctx, ast.Load):
            return True
    return False
