"""Places in answers: their JSON, their evidence from frames, their order."""

import ast
from typing import Any, Dict, Iterable, List, Set, Tuple

from .program import Program
from .question import text_field
from .syntax import Scope

Place = Dict[str, Any]


def place(scope: Scope, node: ast.AST, operation: str, score: float, **more: object) -> Place:
    """One place as docs/questions.md has it. `function` is the code object's plain name, `qualname` its qualified one."""
    code = scope
    while code.kind == "class" and code.parent is not None:
        code = code.parent
    line = getattr(node, "lineno", 1)
    found: Place = {
        "file": scope.source.path,
        "line": line,
        "function": code.name,
        "qualname": code.qualname,
        "text": scope.source.text(line),
        "from": "source",
        "operation": operation,
        "score": round(min(1.0, max(0.0, score)), 3),
    }
    found.update(more)
    return found


class Frames:
    """Places of the program that were seen running."""

    def __init__(self, listed: object) -> None:
        self.functions: Set[Tuple[str, str]] = set()
        self.lines: Set[Tuple[str, int]] = set()
        for frame in listed if isinstance(listed, list) else ():
            file, function = text_field(frame, "file"), text_field(frame, "function")
            line = frame.get("line") if isinstance(frame, dict) else None
            self.functions.add((file, function.rpartition(".")[2]))
            if isinstance(line, int):
                self.lines.add((file, line))

    def __bool__(self) -> bool:
        return bool(self.functions)

    def factor(self, scope: Scope, line: int) -> float:
        """Evidence that a line of this scope runs: 1 if its line or function was seen, less if others were."""
        if not self.functions:
            return 0.95
        path = scope.source.path
        if (path, line) in self.lines:
            return 1.0
        name = scope.name if scope.kind == "function" else "<module>"
        return 0.98 if (path, name) in self.functions else 0.9


def ranked(program: Program, places: Iterable[Place], limit: int) -> List[Place]:
    """Best first, one a line: by score, then the program's own before libraries', then by file and line."""
    order = sorted(
        places,
        key=lambda p: (-p["score"], program.is_library(p["file"]), p["file"], p["line"]),
    )
    seen: Set[Tuple[object, object]] = set()
    found: List[Place] = []
    for entry in order:
        key = (entry["file"], entry["line"])
        if key not in seen:
            seen.add(key)
            found.append(entry)
    return found[:limit]
