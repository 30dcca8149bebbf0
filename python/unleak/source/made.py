"""Which lines make objects of a type: calls of the class, or of what its module's native code offers to make them."""

import ast
from typing import Iterator, List, Optional, Tuple

from . import callers
from .edges import find_class
from .kinds import self_class
from .places import Frames, Place, place, ranked
from .program import Program
from .question import text_field
from .syntax import Scope, dotted, in_function

_MAX_FILES = 200
_MAX_TRACED = 6
_ONCE = 0.3  # code that runs once makes one


def answer(program: Program, question: dict) -> Tuple[Optional[dict], str]:
    """The answer, or None and the reason."""
    name = text_field(question, "type")
    frames = Frames(question.get("frames"))
    klass = find_class(program, name)
    found = list(_of_class(program, klass, frames) if klass is not None else _of_native(program, name, frames))
    if not found:
        return None, "no line that makes %s objects was found" % (name or "these")
    return {"places": ranked(program, found, program.limits.places)}, ""


def _of_class(program: Program, klass: Scope, frames: Frames) -> Iterator[Place]:
    """`Packet(...)`, and `cls(...)` in its own methods; of calls in libraries also the program's lines that lead there."""
    traced = 0
    for path in program.candidates([klass.name], [klass.source.path])[:_MAX_FILES]:
        source = program.source(path)
        for scope in source.scopes if source is not None else ():
            for node in scope.of(ast.Call):
                near = _makes(program, node, scope, klass)
                if not near:
                    continue
                score = near * (1.0 if in_function(scope) else _ONCE) * frames.factor(scope, node.lineno)
                yield place(scope, node, "call", score)
                if program.is_library(path) and traced < _MAX_TRACED:
                    traced += 1
                    for caller in callers.find(program, scope, frames, 2):
                        own = 0.9 * score * callers.rank(caller, frames)
                        yield place(caller.scope, caller.node, "call", own, level=caller.level)


def _makes(program: Program, node: ast.Call, scope: Scope, klass: Scope) -> float:
    """How sure a call makes an instance of the class."""
    name = dotted(node.func)
    if isinstance(node.func, ast.Name) and _is_own_class(name, scope, klass):
        return 0.7
    if name.rpartition(".")[2] != klass.name:
        return 0.0
    target = program.definition(scope, name)
    return 0.9 if target is klass else 0.5 if target is None else 0.0


def _is_own_class(name: str, scope: Scope, klass: Scope) -> bool:
    return name == "cls" and self_class(name, scope) is klass


def _of_native(program: Program, name: str, frames: Frames) -> Iterator[Place]:
    """`lxml.etree.Element(...)`: a call of the type by its name; else calls into its module, which are less sure."""
    module, _, last = name.rpartition(".")
    if not module or module == "builtins":
        return
    head = module.partition(".")[0]
    for path in program.candidates(_spellings(head))[:_MAX_FILES]:
        source = None if program.is_library(path) else program.source(path)
        for scope in source.scopes if source is not None else ():
            for node in scope.of(ast.Call):
                near = _reaches(scope, node, head, last)
                if near:
                    once = 1.0 if in_function(scope) else _ONCE
                    yield place(scope, node, "call", near * once * frames.factor(scope, node.lineno))


def _reaches(scope: Scope, node: ast.Call, head: str, last: str) -> float:
    words = dotted(node.func)
    target = scope.source.imports.get(words.partition(".")[0])
    if not words or target is None or target.module.partition(".")[0] not in _spellings(head):
        return 0.0
    called = target.name if "." not in words else words.rpartition(".")[2]
    return 0.85 if called == last else 0.4


def _spellings(head: str) -> List[str]:
    """A package and the native module that it hides: `decimal` and `_decimal`."""
    return [head, head.lstrip("_")] if head.startswith("_") else [head]
