"""Lines that make strings immortal: calls of `sys.intern`, and attribute names that are made while the program runs."""

import ast
from typing import List, Optional, Tuple

from .places import Frames, Place, place, ranked
from .program import Program
from .syntax import Scope, dotted

_INTERN, _SETATTR = 0.95, 0.5


def answer(program: Program, question: dict) -> Tuple[Optional[dict], str]:
    """The answer, or None and the reason."""
    frames = Frames(question.get("frames"))
    found: List[Place] = []
    for word, score in (("intern", _INTERN), ("setattr", _SETATTR)):
        for path in program.files_with(word):
            if program.is_standard(path):
                continue
            source = program.source(path)
            for scope in source.scopes if source is not None else ():
                for node in scope.of(ast.Call):
                    if _interns(scope, node, word):
                        found.append(place(scope, node, word, score * frames.factor(scope, getattr(node, "lineno", 1))))
    places = ranked(program, found, program.limits.places)
    if not places:
        return None, "no line that interns a string made at run time was found"
    return {"places": places}, ""


def _interns(scope: Scope, node: ast.Call, word: str) -> bool:
    """A call of that function with a text that the source does not spell out."""
    at = 0 if word == "intern" else 1
    if len(node.args) <= at or isinstance(node.args[at], ast.Constant):
        return False
    name = dotted(node.func)
    if word == "setattr":
        return name == "setattr" and scope.source.imports.get(name) is None
    imported = scope.source.imports.get(name.partition(".")[0])
    if imported is None or imported.module != "sys":
        return False
    return imported.name == "intern" if "." not in name else name.endswith(".intern")
