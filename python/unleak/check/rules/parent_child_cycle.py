"""A parent keeps its child, and the child its parent.

## What it finds

`self.child = Child(self)`, `self.children.append(Child(self))` and the like, where `Child` is a class of the same file whose constructor keeps
what it is given (`self.parent = parent`), and neither side is reset anywhere.

## Why

Each refers to the other: neither is freed by its reference count, both wait for the collector, with all that they hold.

## Instead

Give the child what it needs of the parent, not the parent; reset one side where the parent is closed; or let the child keep a
`weakref.ref(parent)` where the parent is sure to outlive it.

## Limits

Off by default: most pairs live long, and there are few of them. Only constructors of the same file are followed.
"""

from __future__ import annotations

import ast
from typing import Dict, Iterator, List, Optional, Union

from unleak.check.finding import Finding
from unleak.check.module import Module
from unleak.check.names import ADDERS, is_attribute_of, is_name, self_name, stores_argument
from unleak.check.rule import Facts
from unleak.check.rules.self_in_own_attribute import cleared

RULE = Facts(
    summary="a parent keeps a child that keeps its parent",
    group="cycle",
    remedy="weakref",
    kinds=("reference-cycle",),
    words=(r"\(\s*(?:[^\n()]*[,=]\s*)?self\s*[,)]", r"\bclass\b"),
    fixes=(
        "aio-libs/aiohttp@795395a11",
        "networkx/networkx#3011",
        "pytest-dev/pytest@372c17e22",
        "boto/botocore@95c10f4ea",
    ),
)


def check(module: Module) -> Iterator[Finding]:
    classes: Dict[str, ast.ClassDef] = {klass.name: klass for klass in module.nodes(ast.ClassDef)}
    for call in module.nodes(ast.Call):
        child = classes.get(call.func.id) if isinstance(call.func, ast.Name) else None
        klass, method = module.method_of(call)
        if child is None or klass is None or method is None:
            continue
        name = self_name(method)
        attribute = _kept_as(module, call, name)
        for given in _given(call, name) if attribute else ():
            back = stores_argument(child, call, given)
            if back is not None and not cleared(klass, attribute or "") and not _resets(child, back):
                text = "%s.%s keeps a %s, which keeps its %s: only the collector frees them" % (
                    klass.name, attribute, child.name, klass.name)  # fmt: skip
                yield module.finding(__name__, call, text, "%s.%s" % (klass.name, attribute), [back])


def _given(call: ast.Call, name: str) -> List[Union[ast.expr, ast.keyword]]:
    return [a for a in call.args if is_name(a, name)] + [k for k in call.keywords if is_name(k.value, name)]


def _kept_as(module: Module, call: ast.Call, name: str) -> Optional[str]:
    """The attribute of the object that gets the result: assigned to it, or added to what it holds."""
    parent = module.parent(call)
    if isinstance(parent, ast.Assign) and parent.value is call:
        for target in parent.targets:
            place = target.value if isinstance(target, ast.Subscript) else target
            if is_attribute_of(place, name):
                return is_attribute_of(place, name)
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute) and parent.func.attr in ADDERS:
        return is_attribute_of(parent.func.value, name) or None
    return None


def _resets(child: ast.ClassDef, back: ast.AST) -> bool:
    targets = back.targets if isinstance(back, ast.Assign) else [back.target]  # type: ignore[attr-defined]
    return any(isinstance(target, ast.Attribute) and cleared(child, target.attr) for target in targets)
