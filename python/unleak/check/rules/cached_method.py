"""A method whose results are cached without a bound, under a key that holds the object.

## What it finds

`@functools.cache` or `@lru_cache(maxsize=None)` on a method that takes `self`.

## Why

The cache belongs to the function, which lives as long as the class. `self` is part of every key, so every object that
the method was ever called on stays, with all that it refers to.

```python
class Table:
    @functools.cache
    def total(self, column): ...      # keeps every Table
```

## Instead

`functools.cached_property` for a value without arguments; a dict on the object itself; or a cached function outside
of the class that takes only the values it needs. A bound (`maxsize=128`) limits how many objects stay, not how long.

## Limits

Not reported where objects are few or equal by value: enums, named tuples, frozen dataclasses, metaclasses. For bounded
caches see bounded-cached-method.
"""

from __future__ import annotations

import ast
from typing import Iterator, Optional, Tuple

from unleak.check.finding import Finding
from unleak.check.module import Function, Module
from unleak.check.names import argument, class_names, is_constant, keyword, made_once, self_name
from unleak.check.rule import Facts

RULE = Facts(
    summary="a method is cached without a bound, and its cache keeps every object",
    group="cache",
    remedy="bound",
    kinds=("unbounded-cache", "growing-container"),
    words=(r"\bcache\b|\blru_cache\b",),
    default=True,
    fixes=("PyCQA/flake8#1573",),
    proven=(
        "pylint-dev/astroid@87a965346",
        "python-poetry/poetry@dba8df119",
    ),
)
NO_OBJECT = {"", "cls", "mcs", "metacls", "klass"}  # classes are few
CACHES = {"functools.cache", "functools.lru_cache"}
VALUES = {"enum.Enum", "Enum", "IntEnum", "StrEnum", "Flag", "IntFlag", "NamedTuple", "type", "EnumMeta", "ABCMeta"}


def check(module: Module) -> Iterator[Finding]:
    for function, decorator, bounded in cached_methods(module):
        if not bounded:
            klass = module.owner(function)
            name = "%s.%s" % (klass.name if klass else "", function.name)
            text = "the cache of %s has no bound and keeps every object that it was called on" % name
            yield module.finding(__name__, decorator, text, name, [function])


def cached_methods(module: Module) -> Iterator[Tuple[Function, ast.expr, bool]]:
    """(method, the decorator that caches it, whether the cache has a bound)."""
    for function in module.functions():
        klass = module.owner(function)
        if klass is None or self_name(function) in NO_OBJECT or not function.decorator_list:
            continue
        bounds = [(d, cache_bound(module, d)) for d in function.decorator_list]
        found = [(d, bound) for d, bound in bounds if bound is not None]
        if found and not _a_value(module, klass):
            yield function, found[0][0], found[0][1]


def cache_bound(module: Module, decorator: ast.expr) -> Optional[bool]:
    """Whether a caching decorator has a bound; None for any other decorator."""
    call = decorator if isinstance(decorator, ast.Call) else None
    name = module.name(call.func if call else decorator)
    if name not in CACHES:
        return None
    if name == "functools.cache":
        return False
    return not (call and is_constant(argument(call, 0, "maxsize"), None))


def _a_value(module: Module, klass: ast.ClassDef) -> bool:
    """Whether its objects are few, or equal to one another by value, or one."""
    if VALUES & class_names(module, klass) or made_once(module, klass):
        return True
    calls = [d for d in klass.decorator_list if isinstance(d, ast.Call)]
    return any(is_constant(keyword(call, "frozen"), True) for call in calls)
