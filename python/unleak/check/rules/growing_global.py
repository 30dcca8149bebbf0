"""A container of a module or class that functions only add to.

## What it finds

A list, dict, set, deque or defaultdict bound once at the top of a module or class, to which functions of the file add under keys that
are not constants, and from which nothing in the file takes anything out, rebinds it, or asks its length.

## Why

It lives as long as the program. If what is added depends on requests, users or time, it grows for ever.

## Instead

Remove the entry when its work is done (in a `finally`); bound it; `weakref.WeakValueDictionary`; put it on an object that ends.

## Limits

Off by default: most such tables are filled once, by decorators, imports or a fixed set of keys. Evidence from a run tells.
"""

from __future__ import annotations

import ast
from typing import Dict, Iterator, List, Optional, Set, Tuple

from unleak.check.finding import Finding
from unleak.check.module import FUNCTIONS, Module, own
from unleak.check.names import ADDERS, REMOVERS, is_container, keyword, simple_assignments
from unleak.check.rule import Facts

RULE = Facts(
    summary="functions add to a container of the module or class, and nothing takes out",
    group="registry",
    remedy="remove-entry",
    kinds=("growing-container", "unbounded-cache", "listener", "unfinished-task"),
    words=(r"(?m)^[ \t]*\w+\s*(?::[^=\n]+)?=\s*(?:\[|\{|[\w.]*(?:list|dict|set|deque|OrderedDict|Counter)\b)",),
    fixes=("croniter/croniter#182", "PrefectHQ/prefect#19061", "getsentry/sentry-python#2049", "celery/celery#10366"),
)
Key = Tuple[str, str]  # class, name; class "" for a global


def check(module: Module) -> Iterator[Finding]:
    candidates = _containers(module)
    adds: Dict[Key, List[ast.AST]] = {}
    for name in module.nodes(ast.Name):
        if ("", name.id) in candidates and not _is_local(module, name):
            _use(module, name, ("", name.id), candidates, adds)
    for attribute in module.nodes(ast.Attribute):
        for klass in _classes(module, attribute):
            _use(module, attribute, (klass, attribute.attr), candidates, adds)
    for key in sorted(candidates):
        for node in sorted(adds.get(key, []), key=lambda n: n.lineno)[:1]:  # type: ignore[attr-defined]
            subject = ".".join(filter(None, key))
            text = "functions add to %s, and nothing in this file takes anything out" % subject
            yield module.finding(__name__, node, text, subject, adds[key])


def _containers(module: Module) -> Set[Key]:
    """Bound once, to a new container."""
    found: Set[Key] = set()
    for scope, owner in [(module.tree, ""), *((klass, klass.name) for klass in module.nodes(ast.ClassDef))]:
        made: Dict[str, int] = {}
        for name, value, _ in simple_assignments(scope):
            made[name] = made.get(name, 0) + (1 if is_container(module, value) and not _bounded(module, value) else 2)
        found |= {(owner, name) for name, times in made.items() if times == 1}
    return found


def _bounded(module: Module, value: ast.AST) -> bool:
    """A deque with a limit, or a container of weak references."""
    if not isinstance(value, ast.Call):
        return False
    return module.name(value.func).startswith("weakref.") or len(value.args) > 1 or keyword(value, "maxlen") is not None


def _classes(module: Module, attribute: ast.Attribute) -> Iterator[str]:
    """The classes whose attribute it may be: `self.x`, `cls.x`, `Class.x`."""
    if isinstance(attribute.value, ast.Name):
        if attribute.value.id in ("self", "cls"):
            klass = module.class_of(attribute)
            if klass is not None:
                yield klass.name
        yield attribute.value.id


def _use(module: Module, node: ast.AST, key: Key, candidates: Set[Key], adds: Dict[Key, List[ast.AST]]) -> None:
    """One use of a candidate: adds to it, leaves it as it is, or rules it out."""
    if key not in candidates:
        return
    parent = module.parent(node)
    in_function = module.function_of(node) is not None
    if isinstance(node.ctx, ast.Load):  # type: ignore[attr-defined]
        kind = _kind(module, node, parent)
        if kind == "out":
            candidates.discard(key)
        elif kind == "add" and in_function:
            adds.setdefault(key, []).append(module.statement(node))
    elif in_function and (key[0] or _is_global(module, node, key[1])):
        candidates.discard(key)  # bound to another container


def _kind(module: Module, node: ast.AST, parent: Optional[ast.AST]) -> str:
    above = module.parent(parent) if parent is not None else None
    if isinstance(parent, ast.Attribute) and parent.attr in REMOVERS:
        return "out"  # called, or handed on to be called: `ref(thing, TABLE.discard)`
    if isinstance(parent, ast.Attribute) and isinstance(above, ast.Call) and above.func is parent:
        constant = bool(above.args) and isinstance(above.args[0], ast.Constant)
        return "add" if parent.attr in ADDERS and not constant else ""
    if isinstance(parent, ast.Subscript) and parent.value is node:
        if isinstance(parent.ctx, ast.Del):
            return "out"
        if isinstance(parent.ctx, ast.Store) and not isinstance(parent.slice, (ast.Constant, ast.Slice)):
            return "add"
        return "out" if isinstance(parent.ctx, ast.Store) and isinstance(parent.slice, ast.Slice) else ""
    if isinstance(parent, ast.Call) and node in parent.args:
        return "out"  # handed on, or its length asked: others may take out, or bound it
    return "out" if isinstance(parent, (ast.Return, ast.Yield, ast.keyword, ast.Assign)) else ""


def _is_local(module: Module, node: ast.Name) -> bool:
    """Whether a function around it has a variable of that name."""
    for above in module.ancestors(node):
        if isinstance(above, (*FUNCTIONS, ast.Lambda)) and node.id in module.locals(above):
            return True
    return False


def _is_global(module: Module, node: ast.AST, name: str) -> bool:
    function = module.function_of(node)
    return function is not None and any(isinstance(part, ast.Global) and name in part.names for part in own(function))
