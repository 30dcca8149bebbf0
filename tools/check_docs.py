"""Fails where the documentation links to a file that is not there, or names a ./dev command that does not exist."""

import re
import sys
from pathlib import PurePosixPath
from typing import Iterator, List, Set

from repo import Finding, Repository, run_check

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"`(?:\$ )?\./dev ([a-z]+)|^\s*(?:\$ )?\./dev ([a-z]+)")


def check(repository: Repository) -> List[Finding]:
    return list(_findings(repository))


def _findings(repository: Repository) -> Iterator[Finding]:
    commands = _commands(repository)
    for path in repository.files("*.md"):
        for number, line in enumerate(repository.text(path).splitlines(), 1):
            for target in _LINK.findall(line):
                if not _leads_somewhere(repository, path, target):
                    yield Finding(path, number, "link to %s, which is not there" % target)
            for inline, block in _COMMAND.findall(line):
                if (inline or block) not in commands:
                    yield Finding(path, number, "./dev has no command %s" % (inline or block))


def _commands(repository: Repository) -> Set[str]:
    found = re.search(r'^COMMANDS="([a-z ]+)"$', repository.text("dev"), re.MULTILINE)
    assert found, "dev has no line COMMANDS"
    return set(found.group(1).split())


def _leads_somewhere(repository: Repository, path: str, target: str) -> bool:
    """Links out of the repository are not followed."""
    file = target.split("#")[0]
    if not file or re.match(r"[a-z]+:", file):
        return True
    return (repository.root / PurePosixPath(path).parent / file).exists()


if __name__ == "__main__":
    sys.exit(run_check(check, __doc__))
