"""Every object adds a logging handler that stays.

## What it finds

`logging.getLogger(...).addHandler(...)` in `__init__`, where the file neither removes handlers nor looks whether the logger
has some already.

## Why

`getLogger` gives the same logger for the same name, and the logger keeps its handlers for the life of the program. With every
object one more handler stays, with its stream and lock, and each message is written once more.

## Instead

Configure logging once, where the program starts; a library adds one `NullHandler` when it is imported. Otherwise remove the handler
where the object is closed, or ask `if not logger.handlers` first.

## Limits

A class of which the module makes the only object is not reported. A logger that comes in as a parameter is not followed.
"""

from __future__ import annotations

import ast
from typing import Iterator, Set

from unleak.check.finding import Finding
from unleak.check.module import Function, Module, own
from unleak.check.names import argument, made_once
from unleak.check.rule import Facts

RULE = Facts(
    summary="every object adds a handler to a logger, and the logger keeps them all",
    group="registry",
    remedy="unregister",
    kinds=("listener", "growing-container"),
    words=(r"\baddHandler\b", r"\bgetLogger\b", r"\b__init__\b"),
    default=True,
    fixes=(
        "google/openhtf#144",
        "jalantechnologies/flask-react-template#670",
    ),
    proven=("malariagen/malariagen-data-python@d6e7a5a0",),
)
CARES = {"removeHandler", "hasHandlers", "handlers"}


def check(module: Module) -> Iterator[Finding]:
    if any(node.attr in CARES for node in module.nodes(ast.Attribute)):
        return
    for function in module.functions():
        klass = module.owner(function)
        if function.name != "__init__" or klass is None or made_once(module, klass):
            continue
        loggers = _loggers(module, function)
        for node in own(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "addHandler":
                logger = node.func.value
                if ast.dump(logger) in loggers or _shared_logger(module, logger):
                    text = "each %s adds a handler to a logger that outlives it, and none is removed" % klass.name
                    yield module.finding(__name__, node, text, klass.name)


def _shared_logger(module: Module, node: ast.AST) -> bool:
    """A call of getLogger whose name is not made from the object itself."""
    if not isinstance(node, ast.Call) or module.name(node.func) != "logging.getLogger":
        return False
    name = argument(node, 0, "name")
    return name is None or isinstance(name, (ast.Constant, ast.Name, ast.Attribute))


def _loggers(module: Module, function: Function) -> Set[str]:
    """Names and attributes of the function that hold a shared logger."""
    found = set()
    for node in own(function):
        if isinstance(node, ast.Assign) and _shared_logger(module, node.value):
            for target in node.targets:
                if isinstance(target, (ast.Name, ast.Attribute)):
                    found.add(ast.dump(target).replace("Store()", "Load()"))
    return found
