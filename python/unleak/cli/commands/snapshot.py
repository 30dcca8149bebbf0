"""`unleak snapshot PID|CORE -o FILE`: one look at a process or a core file, kept."""
from __future__ import annotations

import argparse
import os
import sys
from typing import Any, Dict

from unleak.cli import engine, errors, one_look, options, output, text
from unleak.cli.conclude import conclude


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="PID|CORE", help="the process to look at, or a core file of one")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write the snapshot (PID.unleak, CORE.unleak)")
    parser.add_argument("-f", "--force", action="store_true", help="write over an existing file")
    options.add_capture(parser)
    options.add_core(parser)
    options.add_json(parser)


def execute(args: argparse.Namespace) -> int:
    asked = one_look.request(args.target, args)
    name = "pid %d" % asked["pid"] if "pid" in asked else text.printable(args.target)
    path = args.output or "%s.unleak" % args.target
    if os.path.exists(path) and not args.force:
        raise errors.usage("%s exists already" % path, "--force writes over it")
    with one_look.taken(asked, "snapshot of %s to %s" % (name, text.printable(path)), args) as look:
        look.snapshot.save(path)
        if args.json:
            output.write_json(_document(look))
        else:
            _say(look, path, "core" in asked)
        return look.exit_status


def _document(look: one_look.Look) -> Dict[str, Any]:
    """A verdict document that judges nothing: one look."""
    session = engine.Session({"looks": 1})
    session.add(look.snapshot)
    document = conclude(session, 1, {}, look.facts.get("pid") or 0, read_source=False)
    document["findings"], document["verdict"] = [], "inconclusive"
    return document


def _say(look: one_look.Look, path: str, of_core: bool) -> None:
    info = look.snapshot.info()
    how = "from a core file" if of_core else "paused %.1f ms" % (info.get("pause_ms") or 0)
    sys.stdout.write(
        "%s   %s objects, %s of them on the heap, %s\n"
        % (text.printable(path), text.number(info.get("objects") or 0), text.size(info.get("bytes") or 0), how)
    )
    for note in look.facts.get("notes") or [] if of_core else []:
        sys.stderr.write("unleak: %s\n" % text.printable(note))
