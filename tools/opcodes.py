#!/usr/bin/env python3
"""Writes python/unleak/source/opcodes.json: what the bytecode fallback knows of each CPython's instructions.

    opcodes.py PYTHON...      one interpreter of each minor version; asks its own `opcode` module

For each version: number to name (specialized forms by the name of what they were made from), and how many cache units
follow an instruction. `--check` compares with the file instead of writing it.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "python" / "unleak" / "source" / "opcodes.json"
PROBE = r"""
import dis, json, opcode, sys
names = {number: name for name, number in opcode.opmap.items() if number < 256}
bases = {member: family for family, members in getattr(opcode, "_specializations", {}).items() for member in members}
for name, number in getattr(dis, "_all_opmap", {}).items():
    if number < 256 and not name.startswith("<"):
        names.setdefault(number, bases.get(name, name))
caches = getattr(opcode, "_inline_cache_entries", {})
if isinstance(caches, list):
    caches = {opcode.opname[number]: count for number, count in enumerate(caches) if count}
print(json.dumps({"version": "%d.%d" % sys.version_info[:2], "names": {str(k): names[k] for k in sorted(names)},
                  "caches": {k: v for k, v in sorted(caches.items()) if v}, "argument": opcode.HAVE_ARGUMENT}))
"""


def probe(python: str) -> dict:
    done = subprocess.run([python, "-I", "-c", PROBE], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pythons", nargs="+", metavar="PYTHON")
    parser.add_argument("--check", action="store_true", help="compare with the file")
    args = parser.parse_args()
    found = {}
    for python in args.pythons:
        table = probe(python)
        found[table.pop("version")] = table
    if args.check:
        known = json.loads(FILE.read_text())
        wrong = [version for version in found if found[version] != known.get(version)]
        if wrong:
            print(
                "opcodes.json differs for %s: write it anew with tools/opcodes.py" % ", ".join(wrong), file=sys.stderr
            )
        return 1 if wrong else 0
    FILE.write_text(json.dumps(found, indent=0, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
