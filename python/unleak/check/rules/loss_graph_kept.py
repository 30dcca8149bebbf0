"""A running total of losses keeps the graph of every step.

## What it finds

In a loop of a file that imports torch: `total += loss` where the same loop calls `loss.backward()`, and `loss` is neither
detached nor made a number.

## Why

`loss` carries the graph that computed it. The sum refers to every one of them, so the memory of all steps stays until the total
goes, often to the end of an epoch.

```python
for batch in loader:
    loss = model(batch)
    loss.backward()
    total += loss                # keeps the graph of every batch
```

## Instead

`total += loss.item()`, or `loss.detach()` to stay on the device.

## Limits

A total on which `backward()` itself is called is meant to have the graphs, and is not reported.
"""

from __future__ import annotations

import ast
from typing import Iterator, List, Set, Union

from unleak.check.finding import Finding
from unleak.check.module import Module, walk
from unleak.check.rule import Facts

RULE = Facts(
    summary="a running total of losses keeps the graph of every step",
    group="read",
    remedy="stream",
    kinds=("growing-container", "native-memory", "bulk-read"),
    words=(r"\bbackward\b", r"\btorch\b", r"\+="),
    default=True,
    fixes=("Lightning-AI/pytorch-lightning#6326", "Lightning-AI/pytorch-lightning@ae2e14e3e"),
)


def check(module: Module) -> Iterator[Finding]:
    if not any(
        name.partition(".")[0] in ("torch", "lightning", "pytorch_lightning") for name in module.imports.values()
    ):
        return
    stepped = _backward(module.tree)
    loops: List[Union[ast.For, ast.While]] = [*module.nodes(ast.For), *module.nodes(ast.While)]
    for loop in loops:
        here = _backward(loop)
        for node in walk(*loop.body):
            if not isinstance(node, ast.AugAssign) or not isinstance(node.op, ast.Add):
                continue
            if isinstance(node.value, ast.Name) and node.value.id in here and _name(node.target) not in stepped:
                if not _made_number(loop, node.value.id):
                    text = "%s keeps the graph of every %s: add %s.item() or .detach()" % (
                        _name(node.target), node.value.id, node.value.id)  # fmt: skip
                    yield module.finding(__name__, node, text, _name(node.target))


def _backward(scope: ast.AST) -> Set[str]:
    """Names on which backward() is called."""
    return {
        _name(node.func.value)
        for node in walk(scope)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "backward"
    }


def _made_number(loop: ast.AST, name: str) -> bool:
    """Whether the loop rebinds the name to something without the graph: `loss = loss.item()`."""
    for node in walk(loop):
        if isinstance(node, ast.Assign) and any(_name(t) == name for t in node.targets):
            called = {n.attr for n in walk(node.value) if isinstance(n, ast.Attribute)}
            if called & {"item", "detach", "tolist", "numpy"}:
                return True
    return False


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
