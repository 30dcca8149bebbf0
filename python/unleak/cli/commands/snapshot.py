"""`unleak snapshot PID|CORE -o FILE`: one look at a process or a core file, kept."""
from __future__ import annotations

import argparse
import os
import sys
from typing import Any, Dict

from unleak.cli import cores, engine, errors, options, output, privileges, text
from unleak.cli.conclude import conclude
from unleak.cli.helper import Helper
from unleak.cli.interrupts import Interrupts
from unleak.cli.journal import Journal, announce


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="PID|CORE", help="the process to look at, or a core file of one")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write the snapshot (PID.unleak, CORE.unleak)")
    parser.add_argument("-f", "--force", action="store_true", help="write over an existing file")
    options.add_capture(parser)
    options.add_core(parser)
    options.add_json(parser)


def pid(word: str) -> int:
    if not word.isdecimal() or not 0 < int(word) < 1 << 31:
        raise argparse.ArgumentTypeError("%r is not a pid" % word)
    return int(word)


def request(args: argparse.Namespace) -> Dict[str, Any]:
    """What the helper is asked for."""
    common = {"cmd": "look", "max_pause_ms": args.max_pause, "max_extra": args.max_extra / 100, "argv": args.argv,
              "parses_minor": sys.version_info[1], "copy": args.copy}
    if cores.is_core(args.target):
        return {**common, "core": os.path.abspath(args.target), "root": os.path.abspath(args.root)}
    try:
        return {**common, "pid": pid(args.target)}
    except argparse.ArgumentTypeError:
        if os.path.exists(args.target):
            raise errors.Failure("%s is no core file" % args.target, "`unleak top %s` reads snapshot files" % args.target) from None
        raise errors.usage("%r is neither a pid nor a core file" % args.target) from None


def execute(args: argparse.Namespace) -> int:
    asked = request(args)
    name = "pid %d" % asked["pid"] if "pid" in asked else text.printable(args.target)
    path = args.output or "%s.unleak" % args.target
    if os.path.exists(path) and not args.force:
        raise errors.usage("%s exists already" % path, "--force writes over it")
    announce("snapshot of %s" % name)
    with Interrupts() as interrupts, Helper(engine.capture_program(), interrupts) as helper:
        privileges.drop()
        with Journal(args.log) as journal:
            journal.write("snapshot of %s to %s" % (name, path))
        facts, descriptors = helper.call(asked, 3600.0 if "core" in asked else 120.0)
        snapshot = engine.Snapshot.from_reply(descriptors)
        snapshot.save(path)
        if args.json:
            session = engine.Session({"looks": 1})
            session.add(snapshot)
            document = conclude(session, 1, {}, facts.get("pid") or 0, read_source=False)
            document["findings"], document["verdict"] = [], "inconclusive"
            output.write_json(document)
        else:
            info = snapshot.info()
            how = "from a core file" if "core" in asked else "paused %.1f ms" % (info.get("pause_ms") or 0)
            sys.stdout.write("%s   %s objects, %s of them on the heap, %s\n" % (
                text.printable(path), text.number(info.get("objects") or 0), text.size(info.get("bytes") or 0), how))
            for note in facts.get("notes") or [] if "core" in asked else []:
                sys.stderr.write("unleak: %s\n" % text.printable(note))
        if interrupts.count:
            return interrupts.exit_status
    return errors.OK
