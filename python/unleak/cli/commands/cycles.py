"""`unleak cycles FILE`: the reference cycles of a snapshot."""
from __future__ import annotations

import argparse

from unleak.cli import around


def add_arguments(parser: argparse.ArgumentParser) -> None:
    around.add_arguments(parser, "file")


def execute(args: argparse.Namespace) -> int:
    with around.opened(args.file) as snapshot:
        return around.show(snapshot.cycles({"limit": args.limit}), args)
