"""Two objects that are made to refer to each other.

## What it finds

`a.next = b` and `b.previous = a` in one function, with the same two names, or with `self` as one of them.

## Why

Neither is freed by its reference count: each is held by the other until the collector comes by, with all that they hold.

```python
a.next = b
b.next = a
```

## Instead

Make one direction weak (`b.previous = weakref.ref(a)`) where the other side is sure to keep the object alive; or break the cycle
when the work is done (`a.next = None`).

## Limits

Off by default: linked structures often need both ways. A name that is bound again between the two stores is not followed.
"""

from __future__ import annotations

import ast
from typing import Dict, Iterator, Tuple

from unleak.check.finding import Finding
from unleak.check.module import Module, own
from unleak.check.rule import Facts

RULE = Facts(
    summary="two objects are made to refer to each other",
    group="cycle",
    remedy="weakref",
    kinds=("reference-cycle",),
    words=(r"\b\w+\.\w+\s*=\s*\w+\s*(?:#|\n|;|$)",),
    fixes=("pyqtgraph/pyqtgraph@0479507db", "saleor/saleor#17313"),
)


def check(module: Module) -> Iterator[Finding]:
    for scope in [module.tree, *module.functions()]:
        stores: Dict[Tuple[str, str], ast.Assign] = {}
        for node in own(scope):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
                for target in node.targets:
                    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                        stores.setdefault((target.value.id, node.value.id), node)
        for (one, other), node in sorted(stores.items(), key=lambda item: item[1].lineno):
            back = stores.get((other, one))
            if back is not None and one != other and (node.lineno, node.col_offset) < (back.lineno, back.col_offset):
                text = "%s and %s refer to each other: only the collector frees them" % (one, other)
                yield module.finding(__name__, node, text, "", [back])
