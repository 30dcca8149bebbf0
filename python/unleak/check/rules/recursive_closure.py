"""A local function that calls itself or its sibling.

## What it finds

A function defined in a function that uses its own name, or two that use each other's.

## Why

The function finds its name in a cell, and the cell holds the function: each call of the outer function leaves a cycle to the
collector, with everything else that the inner one closes over.

## Instead

A function of the module or a method, with what it needs as parameters; or `del inner` (or `inner = None`) when it is done.

## Limits

Off by default: the collector frees it. Decorated functions are not reported: what the name means then is not known.
"""

from __future__ import annotations

from typing import Iterator

from unleak.check.finding import Finding
from unleak.check.module import FUNCTIONS, Module, own
from unleak.check.names import assigned, uses_free
from unleak.check.rule import Facts

RULE = Facts(
    summary="a local function refers to itself through its closure",
    group="cycle",
    remedy="hoist",
    kinds=("reference-cycle",),
    words=(r"\n[ \t]+(?:async )?def ",),
    fixes=(
        "dask/distributed@45bff0125",
        "pallets/flask@454191038",
    ),
    proven=("getsentry/sentry-python@62af5150d",),
)


def check(module: Module) -> Iterator[Finding]:
    for function in module.functions():
        inner = {n.name: n for n in own(function) if isinstance(n, FUNCTIONS) and not n.decorator_list}
        if not inner:
            continue
        names = assigned(function)
        for name, local in inner.items():
            if name in names:
                continue  # deleted, or bound to something else in the end
            others = [other for other in inner if other not in names and uses_free(local, other)]
            if name in others:
                text = "%s refers to itself through its closure: every call of %s leaves a cycle" % (
                    name,
                    function.name,
                )
                yield module.finding(__name__, local, text, "%s.<locals>.%s" % (function.name, name))
            else:
                for other in others:
                    if name < other and uses_free(inner[other], name):
                        text = "%s and %s refer to each other through their closures: every call of %s leaves a cycle" % (
                            name, other, function.name)  # fmt: skip
                        yield module.finding(
                            __name__, local, text, "%s.<locals>.%s" % (function.name, name), [inner[other]]
                        )
