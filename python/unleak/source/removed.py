"""Where entries are taken out of a container, and whether the code that does so reads a clock or enforces a bound."""

import ast
from typing import List, Optional, Tuple

from .bound import governing_compare
from .holder import tracker_for
from .kinds import callee
from .mutations import REMOVE, scan
from .places import Frames, Place, place, ranked
from .program import Program
from .question import describe
from .syntax import Scope, dotted

CLOCKS = frozenset(
    "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns now utcnow timestamp total_seconds".split()
)

_LEAST_SCORE = 0.3
_LEAST_SHARE = 0.5  # of the best place's score


def reads_clock(program: Program, scope: Scope) -> bool:
    """Whether a function, or one that it calls directly, asks what time it is."""
    if _asks_time(scope):
        return True
    for node in scope.of(ast.Call):
        target = callee(program, node.func, scope)
        if target is not None and target is not scope and target.kind == "function" and _asks_time(target):
            return True
    return False


def _asks_time(scope: Scope) -> bool:
    for node in scope.of(ast.Call):
        func = node.func
        name = func.attr if isinstance(func, ast.Attribute) else dotted(func)
        if name in CLOCKS:
            target = scope.source.imports.get(name)
            if isinstance(func, ast.Attribute) or (target is not None and target.module in ("time", "datetime")):
                return True
    return False


def answer(program: Program, question: dict) -> Tuple[Optional[dict], str]:
    """The answer, or None and the reason."""
    tracker = tracker_for(program, question)
    if not tracker.known:
        return None, "the holder has no name"
    frames = Frames(question.get("frames"))
    found: List[Place] = []
    for mutation in scan(tracker):
        if mutation.effect != REMOVE:
            continue
        line = getattr(mutation.node, "lineno", 1)
        score = mutation.confidence * mutation.weight * frames.factor(mutation.scope, line)
        bounded = mutation.operation == "slice" or governing_compare(tracker, mutation.scope, mutation.node) is not None
        clock = reads_clock(program, mutation.scope)
        found.append(
            place(mutation.scope, mutation.node, mutation.operation, score, reads_clock=clock, bounded=bounded)
        )
    ordered = ranked(program, found, program.limits.places)
    # An attribute of the same name in another module says nothing beside a line that is surely meant.
    least = max([_LEAST_SCORE] + [_LEAST_SHARE * p["score"] for p in ordered[:1]])
    places = [p for p in ordered if p["score"] >= least]
    if not places:
        return None, "no line that takes entries out of %s was found" % describe(question)
    return {"places": places}, ""
