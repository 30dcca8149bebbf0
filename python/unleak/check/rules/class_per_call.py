"""A class made in every call.

## What it finds

A `class` statement in a function, `namedtuple(...)`, `type(name, bases, namespace)`, `make_dataclass(...)` and `NewType`-like calls in a function,
without a cache around them.

## Why

A class is a large object (a kilobyte and more) in several cycles with itself: only the collector frees it. Caches by class, such as those of
`abc`, `functools.singledispatch`, `typing` and serializers, grow with each.

## Instead

The class at the top of the module; a cache by what makes the classes differ.

## Limits

Off by default: functions that make classes once, decorators and tests do it on purpose.
"""

from __future__ import annotations

import ast
from typing import Iterator

from unleak.check.finding import Finding
from unleak.check.module import Module
from unleak.check.rule import Facts
from unleak.check.rules.cached_method import cache_bound

RULE = Facts(
    summary="a class is made in every call",
    group="class",
    remedy="hoist",
    kinds=("class-churn", "reference-cycle"),
    words=(r"\bclass \b|\bnamedtuple\b|\bmake_dataclass\b|\btype\(",),
    fixes=("pytest-dev/pytest@75f11f0b6", "python-attrs/attrs#1446", "pydantic/pydantic#11116"),
)
MAKERS = {"collections.namedtuple", "dataclasses.make_dataclass", "types.new_class"}


def check(module: Module) -> Iterator[Finding]:
    for node in [*module.nodes(ast.ClassDef), *module.nodes(ast.Call)]:
        if isinstance(node, ast.Call) and not _makes_class(module, node):
            continue
        function = module.function_of(node)
        if function is None or any(cache_bound(module, d) is not None for d in function.decorator_list):
            continue
        name = node.name if isinstance(node, ast.ClassDef) else "a class"
        text = "every call of %s makes %s anew: only the collector frees classes" % (function.name, name)
        yield module.finding(__name__, node, text, "%s.<locals>.%s" % (function.name, name))


def _makes_class(module: Module, call: ast.Call) -> bool:
    name = module.name(call.func)
    return name in MAKERS or name == "type" and len(call.args) == 3
