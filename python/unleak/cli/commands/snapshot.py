"""`unleak snapshot PID -o FILE`: one look, kept."""
from __future__ import annotations

import argparse
import os
import sys

from unleak.cli import engine, errors, options, output, privileges, text
from unleak.cli.conclude import conclude
from unleak.cli.helper import Helper
from unleak.cli.interrupts import Interrupts
from unleak.cli.journal import Journal, announce


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pid", type=pid, metavar="PID", help="the process to look at")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write the snapshot (PID.unleak)")
    parser.add_argument("-f", "--force", action="store_true", help="write over an existing file")
    options.add_capture(parser)
    options.add_json(parser)


def pid(word: str) -> int:
    if not word.isdecimal() or not 0 < int(word) < 1 << 31:
        raise argparse.ArgumentTypeError("%r is not a pid" % word)
    return int(word)


def execute(args: argparse.Namespace) -> int:
    path = args.output or "%d.unleak" % args.pid
    if os.path.exists(path) and not args.force:
        raise errors.usage("%s exists already" % path, "--force writes over it")
    announce("snapshot of pid %d" % args.pid)
    with Interrupts() as interrupts, Helper(engine.capture_program(), interrupts) as helper:
        privileges.drop()
        with Journal(args.log) as journal:
            journal.write("snapshot of pid %d to %s" % (args.pid, path))
        _, descriptors = helper.call({"cmd": "look", "pid": args.pid, "max_pause_ms": args.max_pause,
                                      "max_extra": args.max_extra / 100, "argv": args.argv})
        snapshot = engine.Snapshot.from_reply(descriptors)
        snapshot.save(path)
        if args.json:
            session = engine.Session({"looks": 1})
            session.add(snapshot)
            document = conclude(session, 1, {}, args.pid, read_source=False)
            document["findings"], document["verdict"] = [], "inconclusive"
            output.write_json(document)
        else:
            info = snapshot.info()
            sys.stdout.write("%s   %s objects, %s of them on the heap, paused %.1f ms\n" % (
                text.printable(path), text.number(info.get("objects") or 0), text.size(info.get("bytes") or 0),
                info.get("pause_ms") or 0))
        if interrupts.count:
            return interrupts.exit_status
    return errors.OK
