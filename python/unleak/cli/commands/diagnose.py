"""`unleak diagnose PID...` and `unleak diagnose FILE...` (snapshots, cores): looks, then the verdict."""
from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from typing import Any, Dict, List, Tuple

from unleak.cli import cores, engine, errors, options, output, privileges, proc, text, tree
from unleak.cli.conclude import conclude
from unleak.cli.document import Document, merge
from unleak.cli.helper import Helper
from unleak.cli.interrupts import Interrupts
from unleak.cli.journal import Journal, announce
from unleak.cli.progress import Progress
from unleak.cli.watch import Subject, Watch, session_options


MOST_MISSED = 3      # processes that are named with the reason why they were not looked at


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="+", metavar="PID|FILE", help="running processes, or snapshot files and cores of one or more")
    options.add_looks(parser)
    options.add_capture(parser)
    options.add_core(parser)
    options.add_verdict(parser)


def execute(args: argparse.Namespace) -> int:
    pids = [int(t) for t in args.targets if t.isdecimal() and int(t) < 1 << 31]
    if pids and len(pids) != len(args.targets):
        raise errors.usage("processes and files cannot be diagnosed together", "give pids only, or snapshot files only")
    with Interrupts() as interrupts:
        documents = diagnose_pids(list(dict.fromkeys(pids)), args, interrupts) if pids else diagnose_files(args, interrupts)
        return output.emit(merge(documents), args, interrupts)


def diagnose_pids(pids: List[int], args: argparse.Namespace, interrupts: Interrupts) -> List[Document]:
    progress = Progress()
    with ExitStack() as stack:
        announce("looking at %s" % ", ".join("pid %d (%s)" % (p, proc.name(p)) for p in pids))
        helper = stack.enter_context(Helper(engine.capture_program(), interrupts))
        subjects: List[Subject] = []
        stack.callback(lambda: [s.close() for s in subjects])
        subjects += [Subject(pid, session_options(args)) for pid in pids]
        privileges.drop()
        journal = stack.enter_context(Journal(args.log))
        watch = Watch(helper, interrupts, journal, progress, args)
        try:
            watch.until_done(subjects)
        finally:
            progress.clear()
        return verdicts(subjects, interrupts, journal, args.children)


def verdicts(subjects: List[Subject], interrupts: Interrupts, journal: Journal, as_tree: bool = False) -> List[Document]:
    """A document for each process that was looked at, or one for all `as_tree`; a failure when there is none of them."""
    seen = [s for s in subjects if s.looks]
    if not seen and not interrupts.count:
        raise next((s.problem for s in subjects if s.problem), errors.Failure("no process could be looked at"))
    documents = []
    for subject in seen or subjects[:1]:
        document = conclude(subject.session, subject.looks, subject.where(), subject.pid, read_source=interrupts.count < 2)
        stopped = ["stopped early: this is what %d looks tell" % subject.looks] if interrupts.count else []
        document["notes"] = stopped + document.get("notes", []) + subject.notes
        journal.write("pid %d: %s" % (subject.pid, document.get("verdict")))
        documents.append(document)
    if as_tree and seen:
        documents = [tree.document_of(list(zip(seen, documents)))]
    missed = not_looked_at([s for s in subjects if not s.looks and s.problem])
    documents[0]["notes"] = documents[0].get("notes", []) + missed
    return documents


def not_looked_at(subjects: List[Subject]) -> List[str]:
    said = ["pid %d was not looked at: %s" % (s.pid, s.problem.message if s.problem else "") for s in subjects]
    return said if len(said) <= MOST_MISSED else said[:MOST_MISSED] + ["%d more were not looked at" % (len(said) - MOST_MISSED)]


def diagnose_files(args: argparse.Namespace, interrupts: Interrupts) -> List[Document]:
    """Snapshot files, by process and in order of time."""
    groups: Dict[Any, List[Tuple[float, Any]]] = {}
    for path in args.targets:
        if not os.path.exists(path):
            raise errors.Failure("there is no file %s" % path, "a process is named by its pid, in decimal")
        snapshot = look_at_core(path, args, interrupts) if cores.is_core(path) else engine.Snapshot.open(path)
        info = snapshot.info()
        groups.setdefault(info.get("pid"), []).append((float(info.get("boot_ns") or 0), snapshot))
    documents = []
    for pid, looks in groups.items():
        session = engine.Session(session_options(args))
        for _, snapshot in sorted(looks, key=lambda pair: pair[0]):
            session.add(snapshot)
        documents.append(conclude(session, len(looks), {"root": ""}, pid or 0))
        session.close()
    return documents


def look_at_core(path: str, args: argparse.Namespace, interrupts: Interrupts) -> "engine.Snapshot":
    """One look at the process that a core file is of."""
    announce("reading the core file %s" % text.printable(path))
    with Helper(engine.capture_program(), interrupts) as helper:
        privileges.drop()
        request = {"cmd": "look", "core": os.path.abspath(path), "root": os.path.abspath(args.root), "argv": args.argv,
                   "parses_minor": sys.version_info[1]}
        _, descriptors = helper.call(request, 3600.0)
        return engine.Snapshot.from_reply(descriptors)
