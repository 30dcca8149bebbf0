"""An exception stored where it outlives its handling, with its traceback.

## What it finds

`except Error as e:` followed by `self.problem = e`, `errors.append(e)` with `errors` an attribute or global, or
`table[key] = e`, without `with_traceback(None)`.

## Why

The exception keeps its traceback, the traceback every frame between raising and catching, and each frame its locals: requests,
buffers, connections, as long as the exception is kept.

## Instead

Store what is needed: type and text; or `e.with_traceback(None)`; or `traceback.clear_frames(e.__traceback__)` first. A
`traceback.TracebackException` keeps the lines without the frames.

## Limits

Off by default: how long the holder lives and how much the frames hold is not in the text.
"""

from __future__ import annotations

import ast
from typing import Iterator, Optional

from unleak.check.finding import Finding
from unleak.check.module import Module, walk
from unleak.check.names import assigned, is_name
from unleak.check.rule import Facts

RULE = Facts(
    summary="a caught exception is stored with its traceback and all its frames",
    group="frame",
    remedy="clear-traceback",
    kinds=("pinned-frame", "growing-container", "reference-cycle"),
    words=(r"\bexcept\b[^\n]*\bas\b",),
    fixes=("scrapy/scrapy@f4f2b1695", "aio-libs/aiohttp#10556", "celery/celery#10280", "python/cpython#109534"),
)
ADDERS = {"append", "add", "put", "put_nowait", "appendleft"}


def check(module: Module) -> Iterator[Finding]:
    for handler in module.nodes(ast.ExceptHandler):
        if not handler.name or _cleared(handler):
            continue
        function = module.function_of(handler)
        local = set(assigned(function)) if function else set()
        for node in walk(*handler.body):
            holder = _stored(node, handler.name)
            if holder is not None and not (isinstance(holder, ast.Name) and holder.id in local):
                text = "the stored exception keeps its traceback, and with it every frame and its variables"
                yield module.finding(__name__, node, text, _name(holder))


def _stored(node: ast.AST, name: str) -> Optional[ast.AST]:
    """What keeps the exception, where a node stores it."""
    if isinstance(node, ast.Assign) and is_name(node.value, name):
        for target in node.targets:
            if isinstance(target, ast.Attribute):
                return target
            if isinstance(target, ast.Subscript):
                return target.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ADDERS:
        if any(is_name(argument, name) for argument in node.args):
            return node.func.value
    return None


def _cleared(handler: ast.ExceptHandler) -> bool:
    names = {n.attr for n in walk(*handler.body) if isinstance(n, ast.Attribute)}
    return bool(names & {"with_traceback", "clear_frames", "__traceback__"})


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
