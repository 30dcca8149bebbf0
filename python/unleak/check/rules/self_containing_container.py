"""A container put into itself.

## What it finds

`x.append(x)`, `x[key] = x`, `x.update(key=x)` and the like, where `x` is a list, dict, set or deque made in the same
function or module; and `self.__dict__ = self`.

## Why

The container refers to itself, so its reference count never reaches 0. It, and all that is in it, stays until the
cycle collector comes by, and for ever where the collector is switched off.

```python
class Options(dict):
    def __init__(self, **values):
        super().__init__(values)
        self.__dict__ = self          # every Options object is a cycle
```

## Instead

Keep what is needed of the container, not the container: a key, an index, a copy. For attribute access to a dict's
keys define `__getattr__` and `__setattr__`. A self-reference that has to be is taken out when the work is done.

## Limits

Containers that come in as parameters, and second names for the same container, are not followed; both must stand on
one line.
"""

from __future__ import annotations

import ast
from typing import Iterator, List, Optional, Set, Tuple

from unleak.check.finding import Finding
from unleak.check.module import Module, own
from unleak.check.names import ADDERS, assigned, is_container, is_name, simple_assignments
from unleak.check.rule import Facts

RULE = Facts(
    summary="a container is put into itself",
    group="cycle",
    remedy="break-cycle",
    kinds=("reference-cycle", "uncollectable-cycle"),
    words=(
        r"__dict__\s*=\s*\w"
        r"|\b(\w+)\.(?:append|appendleft|add|insert|extend|setdefault|update|push)\s*\(\s*[^\n]*?(?<![\w.])\1(?![\w.(\[])"
        r"|\b(\w+)\[[^\n]*\]\s*=[^=\n]*(?<![\w.])\2(?![\w.(\[])",
    ),
    default=True,
    fixes=("KelSolaar/sIBL_GUI#141",),
)


def check(module: Module) -> Iterator[Finding]:
    for scope in [module.tree, *module.functions()]:
        yield from _in_scope(module, scope)
    for node in module.nodes(ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Attribute) and target.attr == "__dict__" and isinstance(node.value, ast.Name):
                if is_name(target.value, node.value.id):
                    text = "%s refers to itself as its own __dict__: only the collector frees it" % node.value.id
                    yield module.finding(__name__, node, text, "%s.__dict__" % (_class_name(module, node)))


def _class_name(module: Module, node: ast.AST) -> str:
    klass = module.class_of(node)
    return klass.name if klass else ""


def _in_scope(module: Module, scope: ast.AST) -> Iterator[Finding]:
    containers = _containers(module, scope)
    for node in own(scope) if containers else ():
        holder, values = _put(node)
        if holder is not None and holder.id in containers and any(is_name(value, holder.id) for value in values):
            text = "%s is put into itself: only the collector frees it, with all that is in it" % holder.id
            yield module.finding(__name__, node, text, holder.id)


def _containers(module: Module, scope: ast.AST) -> Set[str]:
    """Names that stand for one new container all through the scope."""
    made = [name for name, value, _ in simple_assignments(scope) if is_container(module, value)]
    if not made:
        return set()
    bindings = assigned(scope)
    return {name for name in made if len(bindings[name]) == 1}


def _put(node: ast.AST) -> Tuple[Optional[ast.Name], List[ast.expr]]:
    """(container, what a statement or call puts into it)."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        if node.func.attr in ADDERS:
            copied = node.func.attr in ("extend", "update")  # they take the elements, not the argument
            values = [k.value for k in node.keywords] + ([] if copied else list(node.args))
            for argument in node.args if copied else []:
                values += _elements(argument)
            return node.func.value, values
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                if not isinstance(target.slice, ast.Slice):
                    return target.value, [node.value, *_elements(node.value)]
    return None, []


def _elements(node: ast.expr) -> List[ast.expr]:
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return list(node.elts)
    return list(node.values) if isinstance(node, ast.Dict) else []
