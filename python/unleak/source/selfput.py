"""Containers that are put into themselves, into one of their own elements, or into each other in one function."""

import ast
import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .program import Program
from .syntax import Scope, dotted

ADDERS = {
    "append": "append",
    "appendleft": "appendleft",
    "add": "add",
    "insert": "insert",
    "extend": "extend",
    "update": "update",
    "setdefault": "setdefault",
    "__setitem__": "setitem",
}
# Cheap test on the text; what it lets through is parsed and looked at properly.
_LIKELY = re.compile(
    rb"\b(\w+)(?:\[[^\]\n]*\]|\.\w+)*\.(?:append|appendleft|add|insert|extend|update|setdefault)\([^\n]*\b\1\b"
    rb"|\b(\w+)(?:\[[^\]\n]*\]|\.\w+)*\[[^\]\n]*\]\s*=[^=\n]*\b\2\b"
)
_MAX_FILES = 100


class SelfPut(NamedTuple):
    """One line that puts a container into itself or a relative."""

    scope: Scope
    node: ast.AST
    operation: str
    sure: float


def self_puts(program: Program, members: Sequence[Scope]) -> List[SelfPut]:
    """In the functions that are in the cycle; else in the program's own files; else in libraries."""
    found = [p for m in members for s in m.walk() for p in _in_scope(s)]
    if found:
        return found
    for library in (False, True):
        paths = [p for p in program.files if program.is_library(p) == library]
        paths = [p for p in paths if p == program.main_file or _LIKELY.search(program.text(p))][:_MAX_FILES]
        for path in paths:
            source = program.source(path)
            for scope in source.scopes if source is not None else ():
                found.extend(_in_scope(scope))
        if found:
            return found
    return found


def _in_scope(scope: Scope) -> Iterator[SelfPut]:
    puts = list(_puts(scope))
    into: Dict[str, set] = {}
    for receiver, value, _, _ in puts:
        into.setdefault(_root(receiver, scope), set()).add(_root(value, scope))
    for receiver, value, node, operation in puts:
        owner, stored = _root(receiver, scope), _root(value, scope)
        if not owner or not stored:
            continue
        if owner == stored and isinstance(value, ast.Name):
            yield SelfPut(scope, node, operation, 0.98 if isinstance(receiver, ast.Name) else 0.9)
        elif owner == stored and ast.dump(receiver) == ast.dump(value):
            yield SelfPut(scope, node, operation, 0.95)
        elif owner != stored and isinstance(value, ast.Name) and owner in into.get(stored, ()):
            yield SelfPut(scope, node, operation, 0.85)


def _puts(scope: Scope) -> Iterator[Tuple[ast.expr, ast.expr, ast.AST, str]]:
    """(container, what is put into it, node, operation) of every put in a scope."""
    for node in scope.of(ast.Call):
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr in ADDERS:
            for arg in _given(node):
                yield func.value, arg, node, ADDERS[func.attr]
    for node in scope.of(ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript):
                for value in _parts(node.value):
                    yield target.value, value, node, "setitem"
    for node in scope.of(ast.AugAssign):
        for value in _parts(node.value):
            if value is not node.value:
                yield node.target, value, node, "extend"


def _given(node: ast.Call) -> List[ast.expr]:
    return [p for a in list(node.args) + [k.value for k in node.keywords] for p in _parts(a)]


def _parts(value: ast.expr) -> List[ast.expr]:
    """The value itself, or what a display holds."""
    if isinstance(value, (ast.List, ast.Tuple, ast.Set)):
        return list(value.elts)
    if isinstance(value, ast.Dict):
        return [v for v in value.values if v is not None]
    return [value]


def _root(expr: ast.expr, scope: Scope) -> str:
    """The variable that an expression starts from, aliases in the same scope undone."""
    node: Optional[ast.expr] = expr
    for _ in range(32):
        if isinstance(node, (ast.Subscript, ast.Attribute)):
            node = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            node = node.func.value
        else:
            break
    name = dotted(node)
    for _ in range(4):
        bindings = scope.bindings.get(name, ())
        if len(bindings) == 1 and bindings[0].how == "assign" and isinstance(bindings[0].value, ast.Name):
            name = bindings[0].value.id
        else:
            break
    return name
