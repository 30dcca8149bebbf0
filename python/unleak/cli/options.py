"""Options that several commands share."""
from __future__ import annotations

import argparse

FAIL_LEVELS = ("confirmed", "probable", "possible", "inconclusive", "never")


def positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError("%r is not a number" % text) from None
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError("%s is not a positive number" % text)
    return value


def looks(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError("%r is not a number of looks (1 to 1000)" % text)
    return int(text)


def count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError("%r is not a count (1 to 1000000)" % text)
    return int(text)


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout and nothing else")


def add_capture(parser: argparse.ArgumentParser) -> None:
    """How a live process may be looked at."""
    group = parser.add_argument_group("looking at a process")
    group.add_argument("--max-pause", type=positive, default=250.0, metavar="MS",
                       help="longest estimated pause of the target for one look (250)")
    group.add_argument("--max-extra", type=positive, default=10.0, metavar="PERCENT",
                       help="most of the memory headroom that one look may use (10)")
    group.add_argument("--copy", action="store_true",
                       help="copy the target's memory while it stands still, even if it could be cloned")
    group.add_argument("--argv", action="store_true", help="keep the target's command line in the document")
    group.add_argument("--log", metavar="FILE", help="append what is done to the target, with times")


def add_verdict(parser: argparse.ArgumentParser) -> None:
    """What a diagnosis shows, and what it exits with."""
    add_json(parser)
    parser.add_argument("--all", action="store_true", help="show what is below the floor too")
    parser.add_argument("--fail-on", choices=FAIL_LEVELS, default="probable",
                        help="least certainty of a finding for exit status 1 (probable)")


def add_looks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--looks", type=looks, metavar="N", help="looks to judge growth by (4, or as many as it needs)")
    parser.add_argument("--duration", type=positive, metavar="S", help="longest time to look, in seconds")
    parser.add_argument("--keep", metavar="DIR", help="keep every look there as a snapshot file")
    parser.add_argument("--children", action="store_true", help="look at all descendants too")


def add_core(parser: argparse.ArgumentParser) -> None:
    """Where the files lie that a core file names."""
    parser.add_argument("--root", metavar="DIR", default="/",
                        help="for a core file of another machine or container: the folder of its files (/)")
