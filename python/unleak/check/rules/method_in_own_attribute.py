"""An object keeps a method of its own.

## What it finds

`self.callback = self.method`, and the same with a lambda, local function or partial over `self`, where no method of the class
resets the attribute.

## Why

A bound method refers to its object, the object to the method: a cycle that only the collector frees, with all that the object
holds.

## Instead

Look the method up where it is called (`getattr(self, name)`); a static method or function; `weakref.WeakMethod`; reset the
attribute where the object is closed.

## Limits

Off by default: long-lived objects do no harm by it.
"""

from __future__ import annotations

import ast
from typing import Iterator

from unleak.check.finding import Finding
from unleak.check.module import Module
from unleak.check.names import holds, is_attribute_of, is_name, self_name
from unleak.check.rule import Facts
from unleak.check.rules.self_in_own_attribute import cleared

RULE = Facts(
    summary="an object keeps a method of its own, or a function that uses it",
    group="cycle",
    remedy="weakref",
    kinds=("reference-cycle",),
    words=(r"\bself\.\w+\s*=",),
    fixes=("MagicStack/asyncpg#1049", "pallets/flask#3761", "celery/celery#6784", "redis/redis-py#2693"),
)


def check(module: Module) -> Iterator[Finding]:
    for node in module.nodes(ast.Assign):
        klass, method = module.method_of(node)
        if klass is None or method is None or module.function_of(node) is not method:
            continue
        name = self_name(method)
        for target in node.targets:
            attribute = is_attribute_of(target, name)
            if not attribute or is_name(node.value, name) or isinstance(node.value, (ast.Tuple, ast.List, ast.Dict)):
                continue
            if holds(module, node.value, name, klass) and not cleared(klass, attribute):
                text = "every %s holds, by .%s, something that holds it: only the collector frees it" % (
                    klass.name,
                    attribute,
                )
                yield module.finding(__name__, node, text, "%s.%s" % (klass.name, attribute))
