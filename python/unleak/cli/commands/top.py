"""`unleak top FILE`: what is in a snapshot."""
from __future__ import annotations

import argparse

from unleak.cli import around


def add_arguments(parser: argparse.ArgumentParser) -> None:
    around.add_arguments(parser, "file")
    parser.add_argument("--by", choices=("type", "retained", "holder"), default="type",
                        help="what to list: types by size, objects by retained size, or holders (type)")


def execute(args: argparse.Namespace) -> int:
    with around.opened(args.file) as snapshot:
        return around.show(snapshot.top({"by": args.by, "limit": args.limit}), args)
