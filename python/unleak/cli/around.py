"""What `top`, `paths`, `cycles` and `diff` share: open a snapshot file, print what the core answers."""
from __future__ import annotations

import argparse
import os
import sys
from contextlib import contextmanager
from typing import Any, Dict, Iterator

from unleak.cli import engine, errors, listing, options, output


def add_arguments(parser: argparse.ArgumentParser, *files: str) -> None:
    for name in files:
        parser.add_argument(name, metavar=name.upper(), help="a snapshot file (`unleak snapshot PID` makes one)")
    parser.add_argument("--limit", type=options.count, default=30, metavar="N", help="longest listing (30)")
    options.add_json(parser)


@contextmanager
def opened(path: str) -> Iterator["engine.Snapshot"]:
    if not os.path.exists(path):
        raise errors.Failure("there is no file %s" % path, "`unleak snapshot PID -o FILE` makes one")
    snapshot = engine.Snapshot.open(path)
    try:
        yield snapshot
    finally:
        snapshot.close()


def show(result: Dict[str, Any], args: argparse.Namespace) -> int:
    if args.json:
        output.write_json(result)
    else:
        sys.stdout.write(output.encodable(listing.listing(result), sys.stdout))
    return errors.OK
