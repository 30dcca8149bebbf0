"""A default argument that the function adds to.

## What it finds

A parameter whose default is a new, empty list, dict, set, deque or defaultdict, and whose function adds to it: `items=[]` with
`items.append(...)`, `table={}` with `table[key] = ...`, and neither takes anything out nor rebinds the name.

## Why

The default is made once and lives as long as the function. What is added in one call is there in all later ones, and nothing
ever takes it out.

## Instead

`items=None`, and a new container in the body.

## Limits

A default that is only read, or handed on, is not reported (linters have rules for those). Neither is one that its name says is
meant to stay (`cache`, `memo`, `seen`).
"""

from __future__ import annotations

import ast
import re
from typing import Iterator, List, Tuple

from unleak.check.finding import Finding
from unleak.check.module import Function, Module, own
from unleak.check.names import ADDERS, REMOVERS, assigned, is_constant, is_container, is_name
from unleak.check.rule import Facts

RULE = Facts(
    summary="a function adds to its default argument, which stays from call to call",
    group="registry",
    remedy="bound",
    kinds=("growing-container", "unbounded-cache"),
    words=(
        r"=\s*(?:\[\s*\]|\{\s*\}|[\w.]*\b(?:list|dict|set|deque|defaultdict|OrderedDict|Counter|bytearray|WeakSet)\s*\([^()]*\))\s*[,)]",
    ),
    default=True,
    fixes=("getnikola/nikola#1532", "YelpArchive/MOE#68", "Azure/azure-functions-python-worker#1500"),
)
CACHE = re.compile(r"cache|memo|seen|registry", re.IGNORECASE)  # a default that is meant to stay


def check(module: Module) -> Iterator[Finding]:
    for function in module.functions():
        if module.function_of(function) is not None:
            continue  # its default is made anew with the function
        for parameter, default in _defaults(function):
            if (
                not is_container(module, default)
                or _filled(default)
                or CACHE.search(parameter.arg)
                or parameter.arg in assigned(function)
            ):
                continue
            adds = [node for node in own(function) if _adds(node, parameter.arg)]
            if adds and not any(_removes(node, parameter.arg) for node in own(function)):
                text = "%s adds to its default %s, which is the same object in every call" % (
                    function.name,
                    parameter.arg,
                )
                yield module.finding(__name__, adds[0], text, "%s.%s" % (function.name, parameter.arg), adds)


def _defaults(function: Function) -> List[Tuple[ast.arg, ast.expr]]:
    positional = [*function.args.posonlyargs, *function.args.args]
    found = list(zip(positional[len(positional) - len(function.args.defaults) :], function.args.defaults))
    return found + [(a, d) for a, d in zip(function.args.kwonlyargs, function.args.kw_defaults) if d is not None]


def _filled(default: ast.AST) -> bool:
    parts = getattr(default, "elts", None) or getattr(default, "keys", None) or getattr(default, "generators", None)
    return bool(parts)


def _adds(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in ADDERS - {"update"} and is_name(node.func.value, name)
    if isinstance(node, ast.Assign):
        return any(
            isinstance(target, ast.Subscript) and is_name(target.value, name) and not is_constant_key(target.slice)
            for target in node.targets
        )
    return False


def is_constant_key(key: ast.AST) -> bool:
    """`d["total"] = ...` replaces its entry: nothing grows."""
    return isinstance(key, ast.Constant) or isinstance(key, ast.Slice) or is_constant(key)


def _removes(node: ast.AST, name: str) -> bool:
    """Takes something out, or compares the length, or lets the name go elsewhere."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in REMOVERS and is_name(node.func.value, name)
    if isinstance(node, ast.Call) and is_name(node.func, "len"):
        return any(is_name(argument, name) for argument in node.args)
    if isinstance(node, ast.Delete):
        return any(isinstance(t, ast.Subscript) and is_name(t.value, name) for t in node.targets)
    return False
