"""An object that refers to itself.

## What it finds

`self.x = self`, `self.x[key] = self`, `self.x.append(self)` and `self.x = (self, ...)` in a method.

## Why

The object is in a cycle with itself: it is never freed by its reference count, only by the collector.

## Instead

A property that returns `self`; for an entry in the object's own table, treat the object itself apart; `weakref.proxy(self)`.

## Limits

Off by default: few objects of this kind live for a short time. A container that the class shares is not the object's own.
"""

from __future__ import annotations

import ast
from typing import Iterator, Optional

from unleak.check.finding import Finding
from unleak.check.module import Module
from unleak.check.names import ADDERS, is_attribute_of, is_constant, is_name, self_name
from unleak.check.rule import Facts

RULE = Facts(
    summary="an object refers to itself by an attribute",
    group="cycle",
    remedy="break-cycle",
    kinds=("reference-cycle",),
    words=(r"=\s*\(?\s*self\b(?!\s*[.\[(])|\(\s*(?:[^\n()]*,\s*)?self\s*[,)]",),
    fixes=("networkx/networkx#3014", "sqlalchemy/sqlalchemy@18a078654", "locustio/locust#3388"),
)


def check(module: Module) -> Iterator[Finding]:
    for node in [*module.nodes(ast.Assign), *module.nodes(ast.Call)]:
        klass, method = module.method_of(node)
        if klass is None or method is None or module.function_of(node) is not method:
            continue
        name = self_name(method)
        attribute = _stores(node, name)
        if attribute and attribute != "__dict__" and not cleared(klass, attribute):
            text = "every %s refers to itself by .%s: only the collector frees it" % (klass.name, attribute)
            yield module.finding(__name__, node, text, "%s.%s" % (klass.name, attribute))


def _stores(node: ast.AST, name: str) -> Optional[str]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            place = target.value if isinstance(target, ast.Subscript) else target
            if is_attribute_of(place, name) and _is_or_holds(node.value, name):
                return is_attribute_of(place, name)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ADDERS - {"update", "extend"}
    ):
        if any(is_name(argument, name) for argument in node.args):
            return is_attribute_of(node.func.value, name)
    return None


def _is_or_holds(value: ast.AST, name: str) -> bool:
    if isinstance(value, (ast.Tuple, ast.List)):
        return any(is_name(part, name) for part in value.elts)
    return is_name(value, name)


def cleared(klass: ast.ClassDef, attribute: str) -> bool:
    """Whether a method takes the reference away again."""
    for node in ast.walk(klass):
        if isinstance(node, ast.Assign) and is_constant(node.value, None):
            if any(isinstance(t, ast.Attribute) and t.attr == attribute for t in node.targets):
                return True
        if isinstance(node, ast.Delete) and any(
            isinstance(t, ast.Attribute) and t.attr == attribute for t in node.targets
        ):
            return True
    return False
