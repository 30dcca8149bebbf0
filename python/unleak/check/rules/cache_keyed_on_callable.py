"""A function cached without a bound, under a key that is a callable.

## What it finds

`@functools.cache` or `@lru_cache(maxsize=None)` on a function at the top of a module with a parameter that is annotated
as `Callable`, or not annotated and called `func`, `fn`, `callback`, `callable` or `method`.

## Why

A lambda, a local function or a bound method is a new object each time it is made: the cache never hits, and keeps every
one, with all that it closes over: its object, its request, its data.

## Instead

Key by the code or the qualified name; a `weakref.WeakKeyDictionary`; a bound; or no cache.

## Limits

A program that only ever passes functions of modules fills the cache once and is fine: then ignore the place.
"""

from __future__ import annotations

import ast
from typing import Iterator, Set

from unleak.check.finding import Finding
from unleak.check.module import Module, walk
from unleak.check.names import parameters, simple_assignments
from unleak.check.rule import Facts
from unleak.check.rules.cached_method import cache_bound

RULE = Facts(
    summary="an unbounded cache is keyed by callables, and keeps each with what it closes over",
    group="cache",
    remedy="bound",
    kinds=("unbounded-cache", "growing-container"),
    words=(r"\bcache\b|\blru_cache\b", r"Callable|\bfunc\b|\bfn\b|\bcallback\b|\bcallable\b|\bmethod\b|\bfunction\b"),
    default=True,
    fixes=(
        "langchain-ai/langchain#30667",
        "apache/airflow#56695",
    ),
    proven=("psycopg/psycopg@40a850621",),
)
NAMES = {"func", "fn", "callback", "callable", "method", "function"}


def check(module: Module) -> Iterator[Finding]:
    for function in module.functions():
        if module.class_of(function) is not None or module.function_of(function) is not None:
            continue
        for decorator in function.decorator_list:
            if cache_bound(module, decorator) is not False:
                continue
            for parameter in parameters(function, and_self=True):
                if _is_callable(module, parameter):
                    text = "the cache of %s has no bound and keeps every %s that it was called with" % (
                        function.name,
                        parameter.arg,
                    )
                    yield module.finding(__name__, decorator, text, function.name, [function])
                    break


def _is_callable(module: Module, parameter: ast.arg) -> bool:
    if parameter.annotation is None:
        return parameter.arg in NAMES
    names = _names(parameter.annotation)
    for alias, value, _ in simple_assignments(module.tree):  # `Loads = Callable[[str], Any]`
        if alias in names:
            names |= _names(value)
    return any("Callable" in name for name in names)


def _names(node: ast.AST) -> Set[str]:
    found = set()
    for part in walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Attribute):
            found.add(part.attr)
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            found.add(part.value)
    return found
