"""A method whose results are cached with a bound, under a key that holds the object.

## What it finds

`@lru_cache`, `@lru_cache()` or `@lru_cache(maxsize=N)` on a method that takes `self`.

## Why

The cache of the class keeps the last N objects that the method was called on, however large they are and however long
ago they were done with.

## Instead

`functools.cached_property`, a cache on the object itself, or a cached function that takes only values.

## Limits

Off by default: with small objects, or with few of them, the bound is enough.
"""

from __future__ import annotations

from typing import Iterator

from unleak.check.finding import Finding
from unleak.check.module import Module
from unleak.check.rule import Facts
from unleak.check.rules.cached_method import cached_methods

RULE = Facts(
    summary="the cache of a method keeps the last objects that it was called on",
    group="cache",
    remedy="hoist",
    kinds=("unbounded-cache", "growing-container", "filling-cache"),
    words=(r"\blru_cache\b",),
    fixes=("boto/botocore#2934",),
    proven=(
        "boto/botocore@5e6bb3622",
        "pylint-dev/astroid@87a965346",
    ),
)


def check(module: Module) -> Iterator[Finding]:
    for function, decorator, bounded in cached_methods(module):
        if bounded:
            klass = module.owner(function)
            name = "%s.%s" % (klass.name if klass else "", function.name)
            text = "the cache of %s keeps the last objects that it was called on" % name
            yield module.finding(__name__, decorator, text, name, [function])
