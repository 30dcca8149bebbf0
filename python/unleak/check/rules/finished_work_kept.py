"""Tasks or threads are collected, and never taken out.

## What it finds

`self.tasks.append(asyncio.create_task(...))`, `self.threads.append(thread)` and the same with a set, in a method that is neither
the constructor nor `start` or the like, where nothing in the file takes anything out of the collection, rebinds it, or removes done
ones by a callback.

## Why

A finished task keeps its result or exception, its coroutine's frames and its context; a finished thread its target and
arguments. With every request one more is kept.

## Instead

`task.add_done_callback(self.tasks.discard)` with a set; `asyncio.TaskGroup`; drop those that are done before adding one
(`self.threads = [t for t in self.threads if t.is_alive()]`).

## Limits

Off by default: a collection that empties itself, or is emptied by code of another file, is not seen.
"""

from __future__ import annotations

import ast
import re
from typing import Iterator, Optional

from unleak.check.finding import Finding
from unleak.check.module import Function, Module
from unleak.check.names import REMOVERS, in_loop, is_attribute_of, made_once, self_name, simple_assignments
from unleak.check.rule import Facts

RULE = Facts(
    summary="tasks or threads are kept in a collection that nothing takes them out of",
    group="work",
    remedy="remove-entry",
    kinds=("unfinished-task", "growing-container"),
    words=(r"\bcreate_task\b|\bensure_future\b|\bThread\b", r"\.append\b|\.add\b"),
    fixes=("MicroPythonOS/MicroPythonOS#261", "pohmelie/facet#6", "achimnol/aiotools#60"),
)
MAKERS = {"asyncio.create_task", "asyncio.ensure_future", "threading.Thread"}
ONCE = re.compile(
    r"^_*(init|start|run|setup|set_up|main|begin|open|connect|launch|spawn_workers|enter|aenter|serve|listen|on_startup)",
    re.I,
)


def check(module: Module) -> Iterator[Finding]:
    for call in module.nodes(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("append", "add") or len(call.args) != 1:
            continue
        klass, method = module.method_of(call)
        function = module.function_of(call)
        if klass is None or method is None or function is None or ONCE.match(method.name) or in_loop(module, call):
            continue
        attribute = is_attribute_of(call.func.value, self_name(method))
        what = _work(module, function, call.args[0]) if attribute else None
        if what and not _taken_out(module, attribute) and not made_once(module, klass):
            text = "each call keeps one more %s in %s.%s, finished or not: nothing takes it out" % (
                what,
                klass.name,
                attribute,
            )
            yield module.finding(__name__, call, text, "%s.%s" % (klass.name, attribute))


def _work(module: Module, function: Function, value: ast.expr) -> Optional[str]:
    """Task or thread, where the value is made as one in this function."""
    if isinstance(value, ast.Name):
        made = [v for name, v, _ in simple_assignments(function) if name == value.id]
        value = made[0] if len(made) == 1 else value  # type: ignore[assignment]
    if not isinstance(value, ast.Call):
        return None
    name = module.name(value.func)
    if name == "threading.Thread":
        return "thread"
    method = value.func.attr if isinstance(value.func, ast.Attribute) else ""
    return (
        "task"
        if name in MAKERS or method in ("create_task", "ensure_future") and "loop" in ast.dump(value.func)
        else None
    )


def _taken_out(module: Module, attribute: str) -> bool:
    """Whether anything in the file may shrink the collection, or hands it on."""
    for node in module.nodes(ast.Attribute):
        if node.attr != attribute:
            continue
        parent = module.parent(node)
        if isinstance(parent, ast.Attribute) and parent.attr in REMOVERS:
            return True
        if isinstance(node.ctx, ast.Store) and not _first_binding(module, node) or isinstance(node.ctx, ast.Del):
            return True
        if isinstance(parent, ast.Subscript) and not isinstance(parent.ctx, ast.Load):
            return True
        if isinstance(parent, (ast.Call, ast.Return, ast.Assign, ast.keyword)) and isinstance(node.ctx, ast.Load):
            return True  # handed on, or its length asked: it may be bounded or emptied there
    return False


def _first_binding(module: Module, node: ast.AST) -> bool:
    function = module.function_of(node)
    return function is None or function.name == "__init__"
