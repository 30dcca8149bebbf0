"""`unleak run`: starts a program, looks at it from outside while it runs, and says what it found when it ends.

The program is a child of the capture helper (so that it may be traced under Yama 1), in this command's process group
and on its terminal: Ctrl-C reaches it as it would without unleak. Its output is its own; the diagnosis goes to stderr,
or with --json to stdout, and then what the program prints goes to stderr.
"""
from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from typing import Any, List

from unleak.cli import engine, errors, launch, options, output, privileges, tree
from unleak.cli.conclude import conclude
from unleak.cli.document import Document, merge
from unleak.cli.helper import Helper
from unleak.cli.interrupts import Interrupts
from unleak.cli.journal import Journal, announce
from unleak.cli.supervise import Supervisor
from unleak.cli.watch import Watch

split = launch.split


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "unleak run [options] script.py [args] | -m module [args] | -c code [args] | -- command [args]"
    parser.add_argument("--python", metavar="EXE", help="the interpreter (the active virtual environment's, else python3)")
    parser.add_argument("--exit-status", choices=("verdict", "program"), default="verdict",
                        help="exit with the verdict's status, or with the program's (verdict)")
    options.add_looks(parser)
    options.add_capture(parser)
    options.add_verdict(parser)


def execute(args: argparse.Namespace, program: launch.Program) -> int:
    if not program.words:
        raise errors.usage("there is nothing to run", "unleak run script.py, -m module, -c code, or -- any command")
    argv = program.argv(args.python)
    if program.kind != "--" and not args.python:
        sys.stderr.write("unleak: running with %s\n" % argv[0])
    with Interrupts() as interrupts, ExitStack() as stack:
        # With --json stdout is the document's alone: the helper, and so the program, gets stderr in its place.
        helper = stack.enter_context(Helper(engine.capture_program(), interrupts, (None, 2 if args.json else None)))
        announce("running %s" % argv[0])
        supervisor = Supervisor(helper, interrupts, args)
        stack.callback(supervisor.close)
        supervisor.start(argv)
        privileges.drop()
        supervisor.watch_to_the_end(Watch(helper, interrupts, stack.enter_context(Journal(args.log)), None, args))
        document = merge(documents(supervisor, interrupts, args.children))
        status = output.emit(document, args, interrupts, sys.stderr)
        return program_status(supervisor.exit) if args.exit_status == "program" and not interrupts.count else status


def documents(supervisor: Supervisor, interrupts: Interrupts, as_tree: bool) -> List[Document]:
    """A document for each process looked at, the started one first, with what only its parent knows; or one for all `as_tree`."""
    seen = [s for s in supervisor.subjects if s.looks]
    if not seen:
        document = conclude(None, 0, {}, supervisor.pid, supervisor.facts(supervisor.pid))
        document["summary"] = supervisor.why_no_look()
        return [document]
    result = []
    for subject in seen:
        document = conclude(subject.session, subject.looks, subject.where(), subject.pid, supervisor.facts(subject.pid),
                            read_source=interrupts.count < 3)
        document["notes"] = document.get("notes", []) + subject.notes
        result.append(document)
    if not as_tree:
        return result
    whole = tree.document_of(list(zip(seen, result)))
    whole["target"] = {**whole["target"], "exit": supervisor.exit}
    return [whole]


def program_status(status: Any) -> int:
    """The shell's reading of how a program ended: 128 + the signal that ended it."""
    if status is None:
        return errors.FAILED
    return 128 - status if status < 0 else status
