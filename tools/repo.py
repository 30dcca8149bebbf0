"""What all checks of `./dev lint` share: the tracked files, the rules of layers.toml, how a finding is printed."""

import argparse
import fnmatch
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Sequence

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Finding(NamedTuple):
    """One violation; line 0 is the whole file."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return "%s:%d: %s" % self if self.line else "%s: %s" % (self.path, self.message)


class Repository:
    """A checkout: its tracked files and its layers.toml."""

    def __init__(self, root: Path):
        self.root = root
        self.rules: Dict[str, Any] = tomllib.loads((root / "layers.toml").read_text("utf-8"))

    def files(self, *globs: str) -> Iterator[str]:
        """Tracked files that are there, as paths from the root; globs as in `git ls-files`, none for all."""
        command = ["git", "-C", str(self.root), "ls-files", "-z", "--", *globs]
        listed = subprocess.run(command, check=True, capture_output=True).stdout.decode("utf-8", "surrogateescape")
        for path in filter(None, listed.split("\0")):
            if (self.root / path).is_file():
                yield path

    def text(self, path: str) -> str:
        """Contents of a text file; "" for one that is not text."""
        data = (self.root / path).read_bytes()
        return "" if b"\0" in data[:8192] else data.decode("utf-8", "replace")


def matches(path: str, globs: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, glob) for glob in globs)


def run_check(check: Callable[[Repository], Sequence[Finding]], description: str) -> int:
    """The command line of one check: prints its findings; exit status 1 where there are any."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--root", type=Path, default=Path(__file__).resolve().parent.parent, help="the checkout to look at"
    )
    findings: List[Finding] = list(check(Repository(parser.parse_args().root)))
    for finding in findings:
        print(finding)
    return 1 if findings else 0
