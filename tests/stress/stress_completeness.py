"""How far looks explain the reference counts of a program with numpy, pandas, lxml, pydantic, protobuf and SQLAlchemy.

stress_completeness.py [TAG...] [--least 0.99] [--remake]

For each interpreter (default: all that are found) a virtual environment with these packages is made once, a program that uses
them is started and looked at. Packages without binaries for an interpreter are named and left out. Prints the share of mortal objects whose count is explained and what is left, by type. Exit
status 1 if a share is below --least.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "capture"), str(TESTS)]
from completeness import PACKAGES_TARGET, explained  # noqa: E402
from interpreters import Interpreter, interpreters  # noqa: E402
from packages import OPTIONAL, PACKAGES, environments, left_out  # noqa: E402
from targets import start_target  # noqa: E402

CAPTURE = str(TESTS.parent / "python" / "unleak" / "_native" / "unleak-capture")


def arguments(words: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="stress_completeness.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tag", nargs="*", help="interpreters (default: all that are found)")
    parser.add_argument("--least", type=float, default=0.99, help="share below which the run fails (%(default)s)")
    parser.add_argument("--remake", action="store_true", help="make the environments again")
    return parser.parse_args(words)


def make_environment(one: Interpreter, remake: bool) -> str:
    """The interpreter of the environment, "" if the packages cannot be installed for it."""
    folder = environments() / one.tag
    python, ready = folder / "bin" / "python", folder / "ready"
    if remake or not ready.exists():
        print("making %s" % folder, flush=True)
        subprocess.run([one.exe, "-m", "venv", "--clear", str(folder)], check=True)
        missing = [package for package in PACKAGES if not install(python, package)]
        if set(missing) - set(OPTIONAL):
            return ""
        ready.write_text("\n".join(missing))
    return str(python)


def install(python: Path, package: str) -> bool:
    command = [str(python), "-m", "pip", "install", "-q", "--only-binary", ":all:", package]
    return subprocess.run(command, check=False).returncode == 0


def measure(one: Interpreter, python: str) -> float:
    without = left_out(one.tag)
    with start_target(python, PACKAGES_TARGET.read_text(), without) as target, tempfile.TemporaryDirectory() as folder:
        target.wait_ready(timeout=120.0)
        info = explained(CAPTURE, target.pid, Path(folder) / "look.unleak")
    left = ", ".join("%s %d" % (row["type"], row["objects"]) for row in info["references"]["unexplained"][:8])
    missing = "; without " + ", ".join(without) if without else ""
    print(
        "%-6s %.3f %% of %d mortal objects explained; left: %s%s"
        % (one.tag, 100 * info["completeness"], info["references"]["mortal"], left, missing),
        flush=True,
    )
    return info["completeness"]


def main(words: List[str]) -> int:
    args = arguments(words)
    failed = False
    for one in interpreters():
        if args.tag and one.tag not in args.tag:
            continue
        python = make_environment(one, args.remake)
        if not python:
            print("%-6s the packages have no binaries for it" % one.tag, flush=True)
            continue
        failed |= measure(one, python) < args.least
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
