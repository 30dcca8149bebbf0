"""`unleak diff BEFORE AFTER`: what changed between two snapshots."""
from __future__ import annotations

import argparse

from unleak.cli import around


def add_arguments(parser: argparse.ArgumentParser) -> None:
    around.add_arguments(parser, "before", "after")


def execute(args: argparse.Namespace) -> int:
    with around.opened(args.before) as before, around.opened(args.after) as after:
        return around.show(before.diff(after, {"limit": args.limit}), args)
