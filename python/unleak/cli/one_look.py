"""One look at a process or a core file, for the commands that need no second: `snapshot`, `audit`, `memory`."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import contextmanager
from typing import Any, Dict, Iterator

from unleak.cli import around, cores, engine, errors, privileges, text
from unleak.cli.helper import Helper
from unleak.cli.interrupts import Interrupts
from unleak.cli.journal import Journal, announce

CORE_SECONDS = 3600.0  # reading a core file of many GiB
PROCESS_SECONDS = 120.0


def pid(word: str) -> int:
    """For argparse, and for words that may be a pid."""
    if not word.isdecimal() or not 0 < int(word) < 1 << 31:
        raise argparse.ArgumentTypeError("%r is not a pid" % word)
    return int(word)


def request(target: str, args: argparse.Namespace) -> Dict[str, Any]:
    """What the helper is asked for; errors.Failure if `target` is neither a pid nor a core file."""
    common = {
        "cmd": "look",
        "max_pause_ms": args.max_pause,
        "max_extra": args.max_extra / 100,
        "argv": args.argv,
        "parses_minor": sys.version_info[1],
        "copy": args.copy,
    }
    if cores.is_core(target):
        return {**common, "core": os.path.abspath(target), "root": os.path.abspath(args.root)}
    try:
        return {**common, "pid": pid(target)}
    except argparse.ArgumentTypeError:
        if os.path.exists(target):
            hint = "`unleak top %s` reads snapshot files" % target
            raise errors.Failure("%s is no core file" % target, hint) from None
        raise errors.usage("%r is neither a pid nor a core file" % target) from None


class Look:
    """A look that was taken: `facts` of the helper, the `snapshot` (closed with the look), `interrupts` since then."""

    def __init__(self, facts: Dict[str, Any], snapshot: "engine.Snapshot", interrupts: Interrupts) -> None:
        self.facts = facts
        self.snapshot = snapshot
        self.interrupts = interrupts

    @property
    def exit_status(self) -> int:
        return self.interrupts.exit_status if self.interrupts.count else errors.OK


@contextmanager
def taken(asked: Dict[str, Any], what: str, args: argparse.Namespace) -> Iterator[Look]:
    """Takes the look that was `asked` for; `what` says in the journal what is being done. Privileges are given up."""
    announce(what)
    with Interrupts() as interrupts, Helper(engine.capture_program(), interrupts) as helper:
        privileges.drop()
        with Journal(args.log) as journal:
            journal.write(what)
        facts, descriptors = helper.call(asked, CORE_SECONDS if "core" in asked else PROCESS_SECONDS)
        snapshot = engine.Snapshot.from_reply(descriptors)
        try:
            yield Look(facts, snapshot, interrupts)
        finally:
            snapshot.close()


@contextmanager
def taken_or_opened(target: str, doing: str, args: argparse.Namespace) -> Iterator[Look]:
    """A look at the process or core file `target`, or the snapshot in the file of that name."""
    if os.path.exists(target) and not cores.is_core(target):
        with around.opened(target) as snapshot, Interrupts() as interrupts:
            yield Look({}, snapshot, interrupts)
        return
    asked = request(target, args)
    name = "pid %d" % asked["pid"] if "pid" in asked else text.printable(target)
    with taken(asked, "%s of %s" % (doing, name), args) as look:
        yield look
