"""Fails where C++ outside the folders that read CPython's memory names a CPython struct or field; comments may."""

import re
import sys
from pathlib import PurePosixPath
from typing import Iterator, List

from repo import Finding, Repository, run_check

_STRING_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


def without_comments(text: str) -> str:
    """The same text with comments blanked, line numbers kept; string literals stay."""

    def blank(found: "re.Match[str]") -> str:
        part = found.group(0)
        return part if part.startswith('"') else re.sub(r"[^\n]", " ", part)

    return _STRING_OR_COMMENT.sub(blank, text)


def check(repository: Repository) -> List[Finding]:
    return list(_findings(repository))


def _findings(repository: Repository) -> Iterator[Finding]:
    rules = repository.rules["cpython_names"]
    pattern = re.compile(rules["pattern"])
    for path in repository.files("src/*.h", "src/*.cc", "src/*.c"):
        if PurePosixPath(path).parts[1] in rules["allowed"]:
            continue
        for number, line in enumerate(without_comments(repository.text(path)).splitlines(), 1):
            found = pattern.search(line)
            if found:
                where = ", ".join("src/" + name for name in rules["allowed"])
                yield Finding(path, number, "names CPython's %s: only %s may" % (found.group(0), where))


if __name__ == "__main__":
    sys.exit(run_check(check, __doc__))
