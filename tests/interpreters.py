"""Finds the CPython interpreters that tests run against; `python tests/interpreters.py` prints the table.

Looked at, in this order: $PYENV_ROOT/versions (or ~/.pyenv/versions), PATH, and the folder that `./dev pythons --fetch`
fills ($UNLEAK_PYTHONS, or ~/.cache/unleak/pythons). The first interpreter of a tag wins. A missing one is named, and
fails nothing. $UNLEAK_TEST_PYTHONS ("3.12,3.13t") narrows the choice.
"""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

WANTED = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15", "3.13t")
"""Tags that the project supports: X.Y, with a final t for a free-threaded build."""

_PROBE = """
import sys, sysconfig
print("%d.%d" % sys.version_info[:2] + ("t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""))
print(sys.version.split()[0])
print(sys.implementation.name)
print(getattr(sys, "_base_executable", "") or sys.executable)
"""


class Interpreter(NamedTuple):
    """One CPython: its tag ("3.12", "3.13t") and the absolute path of its executable."""

    tag: str
    exe: str

    @property
    def version(self) -> Tuple[int, int]:
        major, minor = self.tag.rstrip("t").split(".")
        return int(major), int(minor)

    @property
    def free_threaded(self) -> bool:
        return self.tag.endswith("t")


def fetched_root() -> Path:
    """The folder where `./dev pythons --fetch` puts interpreters, one folder a tag."""
    chosen = os.environ.get("UNLEAK_PYTHONS")
    return Path(chosen) if chosen else Path.home() / ".cache" / "unleak" / "pythons"


def interpreters() -> List[Interpreter]:
    """All interpreters to test, in the order of WANTED."""
    found = _found()
    return [Interpreter(tag, found[tag][0]) for tag in selected() if tag in found]


def missing() -> List[str]:
    """The wanted tags for which no interpreter was found."""
    found = _found()
    return [tag for tag in selected() if tag not in found]


def full_version(tag: str) -> str:
    """The complete version of a found interpreter, such as 3.12.1."""
    return _found()[tag][1]


def selected() -> List[str]:
    """WANTED, narrowed by $UNLEAK_TEST_PYTHONS; a tag that the project does not support is an error."""
    chosen = os.environ.get("UNLEAK_TEST_PYTHONS", "").replace(",", " ").split()
    unknown = [tag for tag in chosen if tag not in WANTED]
    if unknown:
        raise ValueError("UNLEAK_TEST_PYTHONS names %s; supported: %s" % (", ".join(unknown), ", ".join(WANTED)))
    return [tag for tag in WANTED if tag in chosen] if chosen else list(WANTED)


@functools.cache
def _found() -> Dict[str, Tuple[str, str]]:
    """Tag to (executable, complete version). Stops early once every wanted tag has one."""
    found: Dict[str, Tuple[str, str]] = {}
    for path in _candidates():
        expected = _tag_of_name(path)
        if expected in found or len(found) == len(WANTED):
            continue
        probed = _probe(path)
        if probed is not None and probed[0] in WANTED:
            found.setdefault(probed[0], probed[1:])
    return found


def _candidates() -> Iterator[Path]:
    """Executables that may be an interpreter, best place first, newest patch release first."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    yield from _of_roots(sorted(pyenv.glob("*"), key=_natural, reverse=True))
    for folder in os.get_exec_path():
        for tag in WANTED:
            yield Path(folder) / ("python" + tag)
        yield Path(folder) / "python3"
    yield from _of_roots(fetched_root() / tag for tag in WANTED)


def _of_roots(roots) -> Iterator[Path]:
    for root in roots:
        for tag in WANTED:
            yield root / "bin" / ("python" + tag)


def _natural(path: Path) -> List[int]:
    return [int(number) for number in re.findall(r"\d+", path.name)]


def _tag_of_name(path: Path) -> Optional[str]:
    """The tag that a file name promises, None where it promises none (python3)."""
    tag = path.name[len("python") :]
    return tag if tag in WANTED else None


def _probe(path: Path) -> Optional[Tuple[str, str, str]]:
    """(tag, executable, complete version) of a working CPython, else None."""
    if not (path.is_file() and os.access(str(path), os.X_OK)):
        return None
    try:
        done = subprocess.run(
            [str(path), "-I", "-c", _PROBE], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.splitlines()
    if done.returncode != 0 or len(lines) != 4 or lines[2] != "cpython":
        return None
    return lines[0], lines[3], lines[1]


def table() -> str:
    """What was found, one line a wanted tag."""
    found = _found()
    rows = ["%-6s %-9s %s" % ("tag", "version", "executable")]
    for tag in selected():
        exe, version = found.get(tag, ("not found (./dev pythons --fetch tries to provide it)", "-"))
        rows.append("%-6s %-9s %s" % (tag, version, exe))
    return "\n".join(rows)


def main(arguments: List[str]) -> int:
    """No argument: the table. --missing: the missing tags, one a line."""
    if arguments == ["--missing"]:
        print("\n".join(missing()))
        return 0
    if arguments:
        print("usage: interpreters.py [--missing]", file=sys.stderr)
        return 2
    print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
