"""Lines that tie an exception, its traceback and a frame together: an exception kept in a local or an attribute."""

import ast
from typing import Any, Iterator, List, Optional, Sequence, Set

from .kinds import annotation_names
from .places import Place, place
from .syntax import Binding, Scope, dotted

_KEEPERS = frozenset({"append", "add", "put", "set_exception", "setdefault", "appendleft"})
_FRAMES = frozenset({"currentframe", "_getframe", "exc_info", "stack", "trace"})


def exception_places(members: Sequence[Scope], local: str, types: Set[str], *, raised: bool) -> Iterator[Place]:
    """Places in the functions of the cycle. `local` names the variable of the frame, if the edge does; `raised` is set
    for edges that start at the exception (the raise matters), clear for those that start at the frame (the variable does).
    `types` are the exceptions of the cycle, by short name: their handlers are places, with a name or without."""
    for scope in members:
        if scope.kind == "class":
            continue
        caught = _caught(scope)
        for name, binding in _bindings(scope):
            score = _binding_score(binding, name, local, caught)
            if score and raised and name != local:
                score *= 0.95
            if score:
                yield place(scope, binding.node, "assign", score)
        for node in scope.of(ast.ExceptHandler):
            if annotation_names(node.type) & types:
                yield place(scope, node, "assign", 0.6)
        for node in scope.of(ast.Assign, ast.AnnAssign):
            if _keeps(node, caught):
                yield place(scope, node, "assign", 0.85)
        for node in scope.of(ast.Call):
            func = node.func
            if isinstance(func, ast.Attribute) and func.attr in _KEEPERS and _names(node.args) & caught:
                yield place(scope, node, "append" if func.attr == "append" else "call", 0.7)
        for node in scope.of(ast.Raise):
            score = _raise_score(node, scope, caught, local)
            if score:
                yield place(scope, node, "raise", score if raised else score * 0.9)


def _caught(scope: Scope) -> Set[str]:
    """Names that `except ... as name` binds here."""
    return {h.name for h in scope.of(ast.ExceptHandler) if h.name}


def _bindings(scope: Scope) -> List[tuple]:
    return [
        (name, b)
        for name, found in scope.bindings.items()
        for b in found
        if b.how in ("assign", "except", "part", "with", "for")
    ]


def _binding_score(binding: Binding, name: str, local: str, caught: Set[str]) -> float:
    value: Optional[ast.expr] = binding.value
    if isinstance(value, ast.Constant):
        return 0.0
    if binding.how == "except":
        return 0.5 if name == local else 0.35
    if isinstance(value, ast.Name) and value.id in caught and binding.how == "assign":
        return 0.97
    if isinstance(value, ast.Attribute) and value.attr in ("__traceback__", "tb_frame", "__context__", "__cause__"):
        return 0.9
    if isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2] in _FRAMES:
        return 0.93
    return 0.9 if name == local else 0.0


def _keeps(node: Any, caught: Set[str]) -> bool:
    """An attribute or entry that is given the caught exception."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(t, (ast.Attribute, ast.Subscript)) for t in targets) and bool(_names([node.value]) & caught)


def _names(values: Sequence[Optional[ast.expr]]) -> Set[str]:
    found: Set[str] = set()
    for value in values:
        parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value]
        found.update(p.id for p in parts if isinstance(p, ast.Name))
    return found


def _raise_score(node: ast.Raise, scope: Scope, caught: Set[str], local: str) -> float:
    """`raise x` of a variable that is not the handler's own: the frame goes on holding it."""
    if isinstance(node.exc, ast.Name):
        if node.exc.id == local:
            return 0.96
        bound = scope.bindings.get(node.exc.id, ())
        if node.exc.id not in caught and any(b.how in ("assign", "part", "for", "param") for b in bound):
            return 0.92
    return 0.3 if isinstance(node.cause, ast.Name) else 0.0
