"""What `unleak run` was asked to run, as a command line, and with which Python."""
from __future__ import annotations

import argparse
import os
import shutil
from typing import List, Optional, Tuple

from unleak.cli import errors


class Program:
    """The words of the command line that belong to the program, and how they were introduced."""

    def __init__(self, kind: str, words: List[str]):
        self.kind = kind        # "script", "-m", "-c" or "--" (any command)
        self.words = words

    def argv(self, python: Optional[str]) -> List[str]:
        if self.kind == "--":
            return self.words
        exe = find_python(python)
        return [exe] + ([] if self.kind == "script" else [self.kind]) + self.words


def split(words: List[str], parser: argparse.ArgumentParser) -> Tuple[List[str], Program]:
    """Our own options, and the program: it begins at the first word that is neither an option nor an option's value."""
    takes_value = {flag: action.nargs != 0 for action in parser._actions for flag in action.option_strings}  # noqa: SLF001
    at = 0
    while at < len(words):
        word = words[at]
        if word in ("-m", "-c", "--"):
            return words[:at], _program(word, words[at + 1:])
        if not word.startswith("-") or word == "-":
            return words[:at], _program("script", words[at:])
        at += 2 if takes_value.get(word) else 1
    return words, Program("script", [])


def _program(kind: str, words: List[str]) -> Program:
    if not words:
        raise errors.usage({"--": "there is no command after --", "-m": "-m needs the name of a module",
                            "-c": "-c needs code to run"}[kind])
    return Program(kind, words)


def find_python(wanted: Optional[str]) -> str:
    """--python, else the active virtual environment's, else python3 of PATH."""
    if wanted:
        found = shutil.which(wanted)
        if not found:
            raise errors.Failure("there is no Python %s" % wanted, "--python takes the path or name of an interpreter")
        return found
    active = os.environ.get("VIRTUAL_ENV")
    if active:
        exe = os.path.join(active, "bin", "python")
        if os.access(exe, os.X_OK):
            return exe
    found = shutil.which("python3")
    if not found:
        raise errors.Failure("there is no python3 in PATH", "name the interpreter with --python")
    return found
