"""From a session to a document: its questions, the answers of the source, and what follows from both."""
from __future__ import annotations

from typing import Any, Dict, Optional

from unleak.cli import engine
from unleak.cli.document import Document, empty


def conclude(session: "engine.Session", looks: int, where: Dict[str, Any], pid: int, target: Optional[Dict[str, Any]] = None,
             read_source: bool = True) -> Document:
    """The verdict of one process. `where` says where its files lie (Subject.where) and goes before the questions' own root,
    which names a process that may have ended; `target` are facts that only the caller knows, such as how it exited."""
    if looks == 0:
        document = empty(engine.tool(), pid, "No look could be taken, so nothing is known.")
    else:
        page = {**session.questions(), **where} if read_source else {}
        document = session.conclude({**answer(page), "target": target or {}})
        if read_source and document["findings"]:
            tell_known(document, page)
    if target and "exit" in target:
        document["target"]["exit"] = target["exit"]
    return document


def answer(questions: Dict[str, Any]) -> Dict[str, Any]:
    """What the source says."""
    if not questions.get("questions"):
        return {}
    from unleak import source
    return source.answer(questions)


def tell_known(document: Document, page: Dict[str, Any]) -> None:
    """Says which findings are known leaks of a release that is installed: the catalogue speaks when all is judged."""
    from unleak import catalogue
    from unleak.source import names_in
    catalogue.annotate(document, catalogue.installed_versions(page.get("files") or [], names_in(page.get("root") or "")))
