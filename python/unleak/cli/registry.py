"""The commands by name, each with its line of help. A command is the module `commands/NAME.py` with
`add_arguments(parser)` and `execute(args) -> exit status`; it is imported when it is called, not before."""
from __future__ import annotations

import importlib
from types import ModuleType
from typing import Dict

COMMANDS: Dict[str, str] = {
    "diagnose": "look at running processes (or at snapshot files) and say what leaks",
    "run": "start a program, look at it while it runs, and say what leaks",
    "snapshot": "take one look and write it to a file",
    "compare": "compare two verdict documents: fixed, still there, new",
    "check": "find places in source files where programs are known to leak",
    "top": "list what is in a snapshot, by type, retained size or holder",
    "paths": "show what holds an object or a type",
    "cycles": "list the reference cycles of a snapshot",
    "audit": "compare reference counts with references: what nothing explains, by type and object",
    "memory": "show where the resident memory of a process or a snapshot goes",
    "diff": "show what changed between two snapshots",
    "doctor": "say what will work on this machine or for a process, and why not",
}


def load(name: str) -> ModuleType:
    """The module of a command that is in COMMANDS."""
    return importlib.import_module("unleak.cli.commands." + name)
