"""`unleak memory PID|CORE|FILE`: where the resident memory goes, and what of it is free."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Dict, List

from unleak.cli import one_look, options, output, text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="PID|CORE|FILE", help="a process, a core file of one, or a snapshot file")
    parser.add_argument("--limit", type=options.count, default=10, metavar="N", help="longest listing (10)")
    options.add_capture(parser)
    options.add_core(parser)
    options.add_json(parser)


def execute(args: argparse.Namespace) -> int:
    with one_look.taken_or_opened(args.target, "memory", args) as look:
        memory = look.snapshot.memory({"limit": args.limit})
        if args.json:
            output.write_json(memory)
        else:
            sys.stdout.write(output.encodable("\n".join(lines(memory)) + "\n", sys.stdout))
        return look.exit_status


def lines(memory: Dict[str, Any]) -> List[str]:
    """The ledger as a table, then the sentences that a person acts on, then what is behind them."""
    rss = memory.get("rss") or 0
    result = [
        "%s resident, %.1f %% of it explained" % (text.size(rss), 100 * memory["explained"])
        if "explained" in memory
        else "%s resident" % text.size(rss)
    ]
    if memory.get("note"):
        return result + [text.printable(memory["note"])]
    rows = [
        [
            text.printable(e["what"]),
            text.size(e["bytes"]),
            "%.1f %%" % (100 * e["bytes"] / rss if rss else 0),
            text.size(e["allocated"]),
        ]
        for e in memory["ledger"]
    ]
    rows.append(
        [
            "unexplained",
            text.size(memory["unexplained"]),
            "%.1f %%" % (100 * memory["unexplained"] / rss if rss else 0),
            "",
        ]
    )
    result += [""] + text.table(rows, ["part", "resident", "share", "allocated"], [False, True, True, True])
    result += [""] + sentences(memory)
    for title, key in (("largest heaps", "heaps"), ("native blocks", "native_sizes")):
        if memory.get(key):
            result += ["", title] + table(memory[key])
    return result


def sentences(memory: Dict[str, Any]) -> List[str]:
    malloc, pymalloc, free = memory["malloc"], memory["pymalloc"], memory["fragmentation"]
    result = ["%s is freed but resident" % text.size(free["free_resident"])]
    if free["returnable"]:
        result[0] += "; malloc_trim(0) would give back %s of it" % text.size(free["returnable"])
    if malloc["arenas"] > 1:
        result.append(
            "malloc has %d arenas with %s from the kernel; fewer (MALLOC_ARENA_MAX) share what they hold free"
            % (malloc["arenas"], text.size(malloc["system"]))
        )
    if pymalloc["sparse_arenas"]:
        pins = ", ".join(
            "%s %s" % (text.number(p["objects"]), text.printable(p["type"])) for p in memory.get("pins", [])[:4]
        )
        result.append(
            "%d of %d pymalloc arenas are less than a fourth in use%s"
            % (pymalloc["sparse_arenas"], pymalloc["arenas"], "; they are held by " + pins if pins else "")
        )
    for key, name in (("swapped", "swapped out"), ("huge_pages", "in huge pages"), ("page_tables", "of page tables")):
        if memory.get(key):
            result.append("%s %s" % (text.size(memory[key]), name))
    return result


def table(entries: List[Dict[str, Any]]) -> List[str]:
    keys = list(entries[0])
    cells = [
        [
            text.number(e[k]) if k == "blocks" else text.size(e[k]) if isinstance(e[k], int) else text.printable(e[k])
            for k in keys
        ]
        for e in entries
    ]
    return text.table(cells, keys, [isinstance(entries[0][k], int) for k in keys])
