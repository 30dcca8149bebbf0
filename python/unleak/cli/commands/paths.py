"""`unleak paths FILE ADDRESS|TYPE`: what holds an object, or the objects of a type."""
from __future__ import annotations

import argparse

from unleak.cli import around


def add_arguments(parser: argparse.ArgumentParser) -> None:
    around.add_arguments(parser, "file")
    parser.add_argument("what", metavar="ADDRESS|TYPE", help="an address (0x...) or the name of a type")


def execute(args: argparse.Namespace) -> int:
    with around.opened(args.file) as snapshot:
        return around.show(snapshot.paths(args.what, {"limit": args.limit}), args)
