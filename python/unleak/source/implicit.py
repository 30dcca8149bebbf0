"""Lines by which Python itself stores: what a `raise` chains to an exception, what a warning leaves in its module."""

import ast
from typing import Iterator, List, Optional, Sequence, Set

from . import callers
from .kinds import UNKNOWN, short, type_names
from .places import Frames, Place, place
from .program import Program
from .syntax import Scope, dotted, in_function

CHAINS = frozenset({"__cause__", "__context__", "__traceback__"})
WARNINGS = "__warningregistry__"
CLASS_CACHES = "_abc_impl"
_MAX_FILES = 200
_MAX_TRACED = 4


def chained(
    program: Program, class_name: str, attribute: str, elements: Sequence[str], frames: Frames
) -> Iterator[Place]:
    """`raise ... from x` where the exception is of the class (`__cause__`), a `raise` in a handler (`__context__`), any
    `raise` (`__traceback__`); what it chains is one of `elements`."""
    wanted = {class_name.rpartition(".")[2]}
    chain = {short(name) for name in elements}
    for path in program.candidates(wanted)[:_MAX_FILES]:
        source = program.source(path)
        for scope in source.scopes if source is not None else ():
            for node in scope.of(ast.Raise):
                score = _raises(program, node, scope, wanted) * _chains(program, node, scope, attribute, chain)
                if score:
                    yield place(scope, node, "raise", score * frames.factor(scope, node.lineno))


def _raises(program: Program, node: ast.Raise, scope: Scope, wanted: Set[str]) -> float:
    """How likely what is raised is of one of the classes."""
    if node.exc is None:
        return 0.0
    types = type_names(program, node.exc, scope) | {dotted(node.exc).rpartition(".")[2]}
    if types & wanted:
        return 1.0
    return 0.3 if UNKNOWN in types or isinstance(node.exc, ast.Name) else 0.0


def _chains(program: Program, node: ast.Raise, scope: Scope, attribute: str, chain: Set[str]) -> float:
    if attribute == "__traceback__":
        return 0.8
    if attribute == "__cause__":
        if node.cause is None or (isinstance(node.cause, ast.Constant) and node.cause.value is None):
            return 0.0
        types = type_names(program, node.cause, scope)
        return 0.7 if types and UNKNOWN not in types and not types & chain else 0.95
    handler = _around(node, scope)
    return 0.9 if handler is not None and node.cause is None else 0.4 if handler is not None else 0.0


def _around(node: ast.AST, scope: Scope) -> Optional[ast.AST]:
    """The handler or `finally` that a statement stands in."""
    parents = scope.source.parents
    here: Optional[ast.AST] = node
    for _ in range(64):
        before, here = here, parents.get(here) if here is not None else None
        if here is None or isinstance(here, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            return None
        if isinstance(here, ast.ExceptHandler) or (isinstance(here, ast.Try) and before in here.finalbody):
            return here
    return None


def warned(program: Program, module_path: Optional[str], frames: Frames) -> Iterator[Place]:
    """`warnings.warn` in a module, which notes there what it has shown; with a stack level, in the caller's module."""
    traced = 0
    for path in program.candidates(["warn", "warn_explicit"])[:_MAX_FILES]:
        source = program.source(path)
        for scope in source.scopes if source is not None else ():
            for node in scope.of(ast.Call):
                if not _warns(node, scope):
                    continue
                here = not _stack_level(node)
                if here != (path == module_path) and not (path == module_path and in_function(scope)):
                    continue
                score = 0.9 * _text_changes(node) * frames.factor(scope, node.lineno)
                ways: List[callers.Caller] = []
                if in_function(scope) and traced < _MAX_TRACED:
                    traced += 1
                    ways = callers.find(program, scope, frames, 3)
                if not here:
                    ways = [way for way in ways if way.scope.source.path == module_path]
                    score = score * 0.9 if ways else 0.0
                if score:
                    yield place(scope, node, "call", score)
                for way in ways:
                    yield place(way.scope, way.node, "call", 0.7 * score * callers.rank(way, frames), level=way.level)


def _warns(node: ast.Call, scope: Scope) -> bool:
    head, _, last = dotted(node.func).rpartition(".")
    if last not in ("warn", "warn_explicit"):
        return False
    target = scope.source.imports.get(head or last)
    return target is not None and target.module == "warnings"


def _stack_level(node: ast.Call) -> bool:
    """Whether the warning is told of a caller."""
    given = node.args[2:3] + [k.value for k in node.keywords if k.arg == "stacklevel"]
    return any(not (isinstance(value, ast.Constant) and value.value == 1) for value in given)


def _text_changes(node: ast.Call) -> float:
    """A text that is the same each time leaves one entry."""
    return 0.3 if node.args and isinstance(node.args[0], ast.Constant) else 1.0


def class_checks(program: Program, frames: Frames) -> Iterator[Place]:
    """`isinstance` and `issubclass` against an abstract class, which remembers each class that it was asked about."""
    for path in program.candidates(["isinstance", "issubclass"])[:_MAX_FILES]:
        source = program.source(path) if not program.is_library(path) or program.parsed(path) else None
        for scope in source.scopes if source is not None else ():
            for node in scope.of(ast.Call):
                if dotted(node.func) not in ("isinstance", "issubclass") or len(node.args) != 2:
                    continue
                wanted = node.args[1].elts if isinstance(node.args[1], ast.Tuple) else [node.args[1]]
                near = max((_abstract(program, part, scope) for part in wanted), default=0.0)
                if near:
                    near *= (1.0 if in_function(scope) else 0.4) * (0.5 if program.is_library(path) else 1.0)
                    yield place(scope, node, "call", near * frames.factor(scope, node.lineno))


def _abstract(program: Program, expr: ast.expr, scope: Scope) -> float:
    """How likely an expression is a class whose checks are remembered."""
    name = dotted(expr)
    target = program.definition(scope, name) if name else None
    if target is None:
        head = scope.source.imports.get(name.partition(".")[0])
        known = head is not None and head.module.partition(".")[0] in ("collections", "numbers", "typing", "abc")
        return 0.7 if known else 0.0
    if target.kind != "class":
        return 0.0
    for klass in [target] + program.bases(target):
        heads = [dotted(b) for b in klass.node.bases] + [dotted(k.value) for k in klass.node.keywords]
        if any(h.rpartition(".")[2] in ("ABC", "ABCMeta", "Protocol") for h in heads):
            return 0.9
    return 0.0
