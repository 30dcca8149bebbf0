"""The value in a weak-key dictionary holds its key.

## What it finds

`d[key] = Thing(key)`, `d[key] = (key, ...)`, a lambda or partial over `key`, `d[self.x] = self`, where `d` is a
`weakref.WeakKeyDictionary` made in the same file.

## Why

The dictionary holds its values strongly. A value that reaches its key keeps the key alive, so the entry that was to go
with the key never goes.

```python
_clients = weakref.WeakKeyDictionary()

def client_for(loop):
    _clients[loop] = Client(loop)        # the client keeps its loop, the loop its entry
```

## Instead

Keep the value on the key as an attribute (a cycle, which the collector frees); or give the value only a weak reference to
its key; or a value that does not need it.

## Limits

Whether the class of a value keeps what it is given is known only for classes of the same file; others are taken to do so when
their name begins with a capital letter.
"""

from __future__ import annotations

import ast
from typing import Iterator, Optional, Set

from unleak.check.finding import Finding
from unleak.check.module import Module, own
from unleak.check.names import holds, is_attribute_of, is_name, self_name, stores_argument
from unleak.check.rule import Facts

RULE = Facts(
    summary="the value of a weak-key dictionary keeps its own key alive",
    group="weakref",
    remedy="weakref",
    kinds=("weakref-misuse", "growing-container", "unbounded-cache"),
    words=(r"\bWeakKeyDictionary\b",),
    default=True,
    fixes=("tornadoweb/tornado@2905ee4fb", "zulip/zulip#19322", "python/cpython#88846"),
)


def check(module: Module) -> Iterator[Finding]:
    names = _weak_dicts(module)
    if not names:
        return
    for node in module.nodes(ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript) and _last(target.value) in names:
                yield from _judge(module, node, target.value, target.slice, node.value)
    for call in module.nodes(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "setdefault" and len(call.args) == 2:
            if _last(call.func.value) in names:
                yield from _judge(module, call, call.func.value, call.args[0], call.args[1])


def _judge(module: Module, node: ast.AST, table: ast.AST, key: ast.AST, value: ast.AST) -> Iterator[Finding]:
    reaches = isinstance(key, ast.Name) and _reaches(module, value, key.id) or _is_own_part(module, node, key, value)
    if reaches:
        text = "the value that %s keeps for %s holds %s: the entry never goes" % (_last(table), _last(key), _last(key))
        yield module.finding(__name__, node, text, _last(table))


def _is_own_part(module: Module, node: ast.AST, key: ast.AST, value: ast.AST) -> bool:
    """`table[self.loop] = self`, and `self.loop = loop; table[loop] = self`: the value is the key's holder."""
    _, method = module.method_of(node)
    if method is None or not is_name(value, self_name(method)):
        return False
    if is_attribute_of(key, self_name(method)):
        return True
    for part in own(method):
        if isinstance(part, ast.Assign) and isinstance(key, ast.Name) and is_name(part.value, key.id):
            if any(is_attribute_of(target, self_name(method)) for target in part.targets):
                return True
    return False


def _reaches(module: Module, value: ast.AST, key: str) -> bool:
    if holds(module, value, key, None):
        return True
    if isinstance(value, ast.Call):
        given = [a for a in value.args if is_name(a, key)] + [k for k in value.keywords if is_name(k.value, key)]
        return bool(given) and _keeps(module, value, given[0])
    return False


def _keeps(module: Module, call: ast.Call, given: ast.AST) -> bool:
    name = _last(call.func)
    for klass in module.nodes(ast.ClassDef):
        if klass.name == name:
            return stores_argument(klass, call, given) is not None
    return name[:1].isupper() and module.name(call.func) not in ("weakref.WeakMethod",) and not name.isupper()


def _weak_dicts(module: Module) -> Set[str]:
    """Names and attributes that are assigned a new WeakKeyDictionary."""
    found: Set[str] = set()
    for call in module.nodes(ast.Call):
        if module.name(call.func) != "weakref.WeakKeyDictionary":
            continue
        statement = module.statement(call)
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        found |= {name for name in map(_last, targets) if name}
    return found


def _last(node: Optional[ast.AST]) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
