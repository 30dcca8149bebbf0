"""Questions in, answers out (docs/questions.md)."""

import gc
import os
from typing import Callable, Dict, List, Optional, Tuple

from . import bound, bulk, edges, interned, made, patches, removed, stored
from .bytecode import codes
from .compiled import Compiled, home
from .edges import edge_name
from .files import CHANGED, TargetFiles
from .program import Limits, Program
from .question import text_field

_ASKS: Dict[str, Callable[[Program, dict], Tuple[Optional[dict], str]]] = {
    "stored": stored.answer,
    "bound": bound.answer,
    "removed": removed.answer,
    "edge": edges.answer,
    "bulk": bulk.answer,
    "interned": interned.answer,
    "made": made.answer,
}
_PATCHED = ("stored", "edge", "bulk")
_MAY_BE_NONE = ("removed", "bound")  # that there is no such line is an answer too
_MAX_NOTES = 40


def answer(questions: dict, *, root: str = "", limits: Optional[Limits] = None) -> dict:
    """Answers a set of questions from the source files of their target.

    `root` is used where the questions name none. Files are opened under it only. Never raises for what a target's
    files or the questions hold: a question that cannot be answered has no entry, and `notes` says why.
    """
    base = text_field(questions, "root") or root
    collecting = gc.isenabled()
    gc.disable()  # parsing makes many objects and little garbage
    try:
        return _answer(questions, base, limits)
    finally:
        if collecting:
            gc.enable()


def _answer(questions: dict, root: str, limits: Optional[Limits]) -> dict:
    started = questions.get("started")
    main_file = text_field(questions, "main_file")
    cwd = text_field(questions, "cwd") or (os.path.dirname(main_file) if main_file.startswith("/") else "")
    answers: Dict[str, dict] = {}
    notes: List[str] = []
    files = questions.get("files")
    with TargetFiles(root, cwd=cwd, started=started if isinstance(started, (int, float)) else None) as reader:
        program = Program(reader, files if isinstance(files, list) else [], main_file, limits)
        compiled = Compiled(program, codes(questions))
        listed = questions.get("questions")
        for question in _joined(listed if isinstance(listed, list) else []):
            ident, ask = text_field(question, "id"), text_field(question, "ask")
            if ask not in _ASKS:
                notes.append("%s: %r is not a question that the source can answer" % (ident or "a question", ask))
                continue
            try:
                found, why = _one(program, compiled, ask, question, notes)
            except Exception as problem:  # one source that defeats us must not cost the other answers
                found, why = None, "not answered, by a fault of unleak: %s: %s" % (type(problem).__name__, problem)
            if found is not None:
                if ask in _PATCHED:
                    patches.add(program, found["places"], edge_name(text_field(question, "edge")))
                answers[ident] = found
            elif why and ask not in _MAY_BE_NONE:
                notes.append("%s: %s" % (ident, why))
        unchanged = {path + CHANGED for path in compiled.by_file if compiled.matches_source(path)}
        notes += program.notes + [note for note in reader.notes if note not in unchanged]
    notes = list(dict.fromkeys(notes))
    if len(notes) > _MAX_NOTES:
        notes = notes[:_MAX_NOTES] + ["%d more notes" % (len(notes) - _MAX_NOTES)]
    return {"answers": answers, "notes": notes}


def _one(
    program: Program, compiled: Compiled, ask: str, question: dict, notes: List[str]
) -> Tuple[Optional[dict], str]:
    """One answer, from the source where it is what runs, else from the bytecode."""
    file = home(compiled, question) if compiled.codes else None
    if file and compiled.must_answer(file):
        found, why = compiled.answer(ask, question)
        if found is not None:
            notes.append("%s is not what runs: lines are from the bytecode" % file)
            return found, why
    found, why = _ASKS[ask](program, question)
    if found is None and compiled.codes:
        told, _ = compiled.answer(ask, question)
        return told, why
    return found, why


def _joined(listed: list) -> List[dict]:
    """The questions, those about the edges of one cycle told of each other: `types` are the types of the whole cycle, `via`
    is the edge before, which names the attribute that a container hangs on. Edges of one cycle share what is before
    ".edge" in their ids, and come in order."""
    cycles: Dict[str, List[dict]] = {}
    for question in listed:
        if text_field(question, "ask") == "edge":
            cycles.setdefault(text_field(question, "id").rpartition(".edge")[0], []).append(question)
    found: List[dict] = []
    for question in listed:
        if text_field(question, "ask") == "edge":
            around = cycles[text_field(question, "id").rpartition(".edge")[0]]
            own = dict(question)
            own.setdefault("types", list(dict.fromkeys(text_field(q, end) for q in around for end in ("from", "to"))))
            before = around[around.index(question) - 1]
            if (
                len(around) > 1
                and text_field(before, "to") == text_field(own, "from")
                and text_field(before, "edge").startswith(".")
            ):
                own.setdefault("via", {"from": before.get("from"), "edge": before.get("edge")})
            question = own
        found.append(question)
    return found
