"""A logger whose name holds an identity.

## What it finds

`logging.getLogger(f"client.{self.id}")` and `logger.getChild(...)` in a function, where the name is put together from an
id, address, port, uuid, counter or the like.

## Why

`logging` keeps every logger that it ever made, by name, for the life of the program. A name for each connection, job
or object is an entry, a Logger and its handlers that never go.

## Instead

One logger a module, and the identity in the message or in `extra=`; or a `logging.LoggerAdapter`, which is an ordinary
object and dies with its owner.

## Limits

Names from a fixed set (class names, module names, plugins) are not reported; what counts as an identity is judged by
the words of the expression.
"""

from __future__ import annotations

import ast
import re
from typing import Iterator, Optional

from unleak.check.finding import Finding
from unleak.check.module import Module, walk
from unleak.check.rule import Facts

RULE = Facts(
    summary="loggers are made with a name for each object, and logging keeps them all",
    group="registry",
    remedy="hoist",
    kinds=("growing-container",),
    words=(r"\bgetLogger\b|\bgetChild\b",),
    default=True,
    fixes=(
        "tarasko/picows#72",
        "DIRACGrid/DIRAC#5280",
        "github/annotated-logger#83",
        "paramiko/paramiko@50d63690e",
    ),
)
IDENTITY = re.compile(
    r"(^|_)(id|uid|uuid\d?|guid|ident|address|addr|peername|port|fileno|fd|token|counter|seq|serial|time)$"
)
CALLS = {"id", "uuid.uuid1", "uuid.uuid4", "time.time", "random.random", "random.randint", "secrets.token_hex"}


def check(module: Module) -> Iterator[Finding]:
    for call in module.nodes(ast.Call):
        if len(call.args) != 1 or module.function_of(call) is None or not _makes_logger(module, call):
            continue
        part = _identity(module, call.args[0])
        if part:
            text = "a logger for each %s: logging keeps every logger until the program ends" % part
            yield module.finding(__name__, call, text, "logging.Logger.manager.loggerDict")


def _makes_logger(module: Module, call: ast.Call) -> bool:
    if module.name(call.func) == "logging.getLogger":
        return True
    return isinstance(call.func, ast.Attribute) and call.func.attr in ("getLogger", "getChild")


def _identity(module: Module, name: ast.expr) -> Optional[str]:
    """The part of a composed name that is another one for each object."""
    if not isinstance(name, (ast.JoinedStr, ast.BinOp, ast.Call)):
        return None
    for node in walk(name):
        if isinstance(node, ast.Call) and module.name(node.func) in CALLS:
            return module.name(node.func) + "()"
        last = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if IDENTITY.search(last.lower()) and not isinstance(module.parent(node), ast.Attribute):
            return last
    return None
