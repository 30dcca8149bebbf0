"""From a session to a document: its questions, the answers of the source, and what follows from both."""
from __future__ import annotations

from typing import Any, Dict, Optional

from unleak.cli import engine
from unleak.cli.document import Document, empty


def conclude(session: "engine.Session", looks: int, where: Dict[str, Any], pid: int, target: Optional[Dict[str, Any]] = None,
             read_source: bool = True) -> Document:
    """The verdict of one process. `where` says where its files lie (Subject.where); `target` are facts that only the
    caller knows, such as how it exited."""
    if looks == 0:
        document = empty(engine.tool(), pid, "No look could be taken, so nothing is known.")
    else:
        answers: Dict[str, Any] = answer(session.questions(), where) if read_source else {}
        document = session.conclude({**answers, "target": target or {}})
    if target and "exit" in target:
        document["target"]["exit"] = target["exit"]
    return document


def answer(questions: Dict[str, Any], where: Dict[str, Any]) -> Dict[str, Any]:
    """What the source says. `where` goes before the questions' own root, which names a process that may have ended."""
    if not questions.get("questions"):
        return {}
    from unleak import source
    return source.answer({**questions, **where})
