"""Settings: flags, then UNLEAK_* in the environment, then [tool.unleak] in the nearest pyproject.toml.

An option `--max-pause` is UNLEAK_MAX_PAUSE there, and `max-pause` in [tool.unleak], or in [tool.unleak.diagnose]
for that command alone.
"""
from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Any, Dict, Optional

from unleak.cli import errors

NOT_SETTINGS = {"help"}
YES, NO = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


def parser(name: str, summary: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog="unleak " + name, description=summary[0].upper() + summary[1:] + ".",
                                   allow_abbrev=False)


def apply(parser: argparse.ArgumentParser, command: str) -> None:
    """Make what the environment and pyproject.toml say the defaults of this command's options."""
    from_file = file_settings(command)
    for action in parser._actions:  # noqa: SLF001 - the only list of a parser's options there is
        if not action.option_strings or action.dest in NOT_SETTINGS:
            continue
        variable = "UNLEAK_" + action.dest.upper()
        if variable in os.environ:
            value, where = os.environ[variable], variable
        elif action.dest in from_file:
            value, where = from_file[action.dest], "[tool.unleak] " + action.dest.replace("_", "-")
        else:
            continue
        parser.set_defaults(**{action.dest: convert(action, value, where)})


def convert(action: argparse.Action, value: Any, where: str) -> Any:
    """`value` as the option would have it, or a usage error that names where it was written."""
    if action.nargs == 0:
        word = str(value).lower()
        if word not in YES | NO:
            raise errors.usage("%s is %r; it can be true or false" % (where, value))
        return word in YES
    if isinstance(value, list):     # TOML has lists; flags and the environment write them with commas
        value = ",".join(map(str, value))
    try:
        result = action.type(str(value)) if callable(action.type) else str(value)
    except (ValueError, argparse.ArgumentTypeError) as problem:
        raise errors.usage("%s: %s" % (where, problem)) from None
    if action.choices is not None and result not in action.choices:
        raise errors.usage("%s is %r; it can be %s" % (where, value, ", ".join(map(str, action.choices))))
    return result


def file_settings(command: str) -> Dict[str, Any]:
    path = nearest_pyproject(Path.cwd())
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    if not re.search(r"^\s*\[\s*tool\s*\.\s*unleak\b", text, re.M):
        return {}       # by far the most usual: do not pay for a TOML parser
    try:
        import tomllib
    except ImportError:
        sys.stderr.write("unleak: %s is not read: this Python has no tomllib (3.11 has); use UNLEAK_*\n" % path)
        return {}
    try:
        table = tomllib.loads(text).get("tool", {}).get("unleak", {})
    except tomllib.TOMLDecodeError as problem:
        raise errors.usage("%s: %s" % (path, problem)) from None
    own = table.get(command, {})
    merged = {**{k: v for k, v in table.items() if not isinstance(v, dict)}, **(own if isinstance(own, dict) else {})}
    return {key.replace("-", "_"): value for key, value in merged.items()}


def nearest_pyproject(folder: Path) -> Optional[Path]:
    for place in (folder, *folder.parents):
        if (place / "pyproject.toml").is_file():
            return place / "pyproject.toml"
    return None
