"""`unleak audit PID|CORE|FILE`: the reference counts of one look against the references that it shows."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Dict, List

from unleak.cli import one_look, options, output, text

COLUMNS = (
    ("objects", "objects"),
    ("explained", "explained"),
    ("surplus", "too many"),
    ("deficit", "too few"),
    ("lost", "lost"),
    ("orphans", "orphans"),
    ("uncollectable", "never freed"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="PID|CORE|FILE", help="a process, a core file of one, or a snapshot file")
    parser.add_argument("--limit", type=options.count, default=20, metavar="N", help="longest listing (20)")
    options.add_capture(parser)
    options.add_core(parser)
    options.add_json(parser)


def execute(args: argparse.Namespace) -> int:
    with one_look.taken_or_opened(args.target, "audit", args) as look:
        result = look.snapshot.audit({"limit": args.limit})
        if args.json:
            output.write_json(result)
        else:
            sys.stdout.write(output.encodable("\n".join(report(result)) + "\n", sys.stdout))
        return look.exit_status


def report(result: Dict[str, Any]) -> List[str]:
    """The audit as a person reads it: the whole, the types, the single objects."""
    facts = result["facts"]
    lines = [
        "pid %d   python %s   %s objects, %s with a count, %.2f %% of these explained"
        % (
            facts["pid"],
            text.printable(facts["python"]),
            text.number(facts["objects"]),
            text.number(facts["mortal"]),
            100 * facts["explained_share"],
        ),
        "",
    ]
    for label, said in _sums(facts):
        lines += text.row(label, said, column=15)
    if result["rows"]:
        table = [
            [text.printable(row["type"])] + [text.number(row[key]) for key, _ in COLUMNS] for row in result["rows"]
        ]
        head = ["type"] + [name for _, name in COLUMNS]
        lines += [""] + text.table(table, head, [False] + [True] * len(COLUMNS))
        if result["left_out"]:
            lines.append("%s more types (--limit)" % text.number(result["left_out"]))
    if result["top"]:
        lines += ["", "objects with the most references that nothing explains:"]
        for entry in result["top"]:
            lines += text.row(
                entry["address"],
                "%s   count %s, %s too many, %s: %s"
                % (
                    text.printable(entry["type"]),
                    text.number(entry["refcount"]),
                    text.number(entry["surplus"]),
                    entry["is"],
                    text.printable(entry["held_by"]),
                ),
                column=18,
            )
    return lines


def _sums(facts: Dict[str, Any]):
    """What the sums mean, those that are not zero."""
    if facts["lost"]:
        yield (
            "lost",
            "%s objects (%s) with a reference that nothing explains, held by nothing else; %s of them are in no list"
            % (text.number(facts["lost"]), text.size(facts["lost_bytes"]), text.number(facts["orphans"])),
        )
    if facts["surplus"]:
        yield (
            "too many",
            "%s references of %s objects that nothing explains: a leak if they become more (unleak diagnose)"
            % (text.number(facts["surplus"]), text.number(facts["surplus_objects"])),
        )
    if facts["deficit"]:
        yield (
            "too few",
            "%s references of %s objects that their counts do not have: what is known of their referrers is wrong there"
            % (text.number(facts["deficit"]), text.number(facts["deficit_objects"])),
        )
    if facts["uncollectable"]:
        yield (
            "never freed",
            "%s objects in islands that the collector can never free" % text.number(facts["uncollectable"]),
        )
    strings = facts["interned_only"]
    if strings["strings"]:
        yield (
            "interned",
            "%s immortal strings (%s) that nothing refers to"
            % (text.number(strings["strings"]), text.size(strings["bytes"])),
        )
