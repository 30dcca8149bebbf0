"""`unleak compare BEFORE.json AFTER.json`: by signature, what was fixed, what is still there, what is new."""
from __future__ import annotations

import argparse
import json
import sys
from typing import Any, Dict, List

from unleak.cli import errors, options, output, text
from unleak.cli.document import CERTAINTY, Document, certainty, is_leak

LARGEST = 256 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("before", metavar="BEFORE.json", help="the document of before the change, or the baseline")
    parser.add_argument("after", metavar="AFTER.json", help="the document of after it")
    parser.add_argument("--baseline", action="store_true",
                        help="BEFORE lists what is known: only new findings make exit status 1")
    parser.add_argument("--fail-on", choices=options.FAIL_LEVELS, default="probable",
                        help="least certainty of a finding that is still there or new for exit status 1 (probable)")
    options.add_json(parser)


def execute(args: argparse.Namespace) -> int:
    before, after = load(args.before), load(args.after)
    if before.get("signatures") != after.get("signatures"):
        raise errors.Failure("the documents name findings by different versions of signatures (%s and %s)" % (
            before.get("signatures"), after.get("signatures")), "make both with the same release of unleak")
    result = compare(before, after)
    if args.json:
        output.write_json(result)
    else:
        sys.stdout.write(output.encodable(listing(result), sys.stdout))
    return status(result, args.fail_on, args.baseline)


def load(path: str) -> Document:
    try:
        with open(path, "rb") as file:
            document = json.loads(file.read(LARGEST))
    except OSError as problem:
        raise errors.Failure("cannot read %s: %s" % (path, problem.strerror)) from None
    except ValueError as problem:
        raise errors.Failure("%s is not a JSON document: %s" % (path, problem)) from None
    if not isinstance(document, dict) or document.get("schema") != 1 or not isinstance(document.get("findings"), list):
        raise errors.Failure("%s is not a verdict document of schema 1" % path, "`unleak diagnose PID --json` makes one")
    return document


def compare(before: Document, after: Document) -> Dict[str, Any]:
    old = {f["id"]: f for f in before["findings"] if is_leak(f)}
    new = {f["id"]: f for f in after["findings"] if is_leak(f)}
    gone = [f for key, f in old.items() if key not in new]
    # A finding that is missing from a document that could not decide is not shown to be fixed.
    proven = after.get("verdict") != "inconclusive"
    return {"schema": 1, "signatures": after.get("signatures"),
            "before": before.get("verdict"), "after": after.get("verdict"),
            "fixed": gone if proven else [], "not_seen": [] if proven else gone,
            "still_there": [f for key, f in new.items() if key in old],
            "new": [f for key, f in new.items() if key not in old]}


def status(result: Dict[str, Any], fail_on: str, baseline: bool = False) -> int:
    """1 if something is still there or new (of a baseline: new) with at least that certainty."""
    if fail_on == "never":
        return errors.OK
    least = CERTAINTY.get(fail_on, CERTAINTY["possible"])
    if any(certainty(f) >= least for f in result["new"] + ([] if baseline else result["still_there"])):
        return errors.FOUND
    return errors.FOUND if fail_on == "inconclusive" and result["after"] == "inconclusive" else errors.OK


def listing(result: Dict[str, Any]) -> str:
    lines: List[str] = []
    for key, label in (("fixed", "FIXED"), ("not_seen", "NOT SEEN"), ("still_there", "STILL THERE"), ("new", "NEW")):
        for finding in result[key]:
            lines += text.row(label, text.printable(finding.get("title") or finding["id"]), finding.get("certainty", ""),
                              indent=0, column=13)
    if result["not_seen"]:
        lines += text.row("", "the later document is inconclusive: what it does not show may still be there", column=13)
    return "\n".join(lines or ["nothing leaked in either document"]) + "\n"
