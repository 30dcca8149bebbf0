"""Lost references in a heap of millions: each planted kind on each version, and the clean twin.

stress_lost.py [--objects N] [--pythons 3.12,3.13] [--what str,held] [--no-clean] [--no-lost] [--clean-together]

100 references of one kind are lost in a heap of --objects (default 2,000,000) objects, in four steps with a look after
each. At least 99 have to be seen, with the right type, in the first finding; the same program that gives its
references back has to come out without one. Exit status 1 if anything is missed or made up.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import List, Optional

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "audit"), str(TESTS)]
import interpreters  # noqa: E402
import planted  # noqa: E402


def problem_of(what: str, document: dict, leaks: bool) -> str:
    """What is wrong with the document, "" if nothing is."""
    findings = document["findings"]
    if not leaks:
        return "" if not findings else "made up: " + findings[0]["title"]
    if not findings:
        return "nothing found, verdict " + document["verdict"]
    first = findings[0]
    if first["kind"] != "lost-reference" or first["what"][0]["type"] != planted.EXPECTED[what]:
        return "the first finding is " + first["title"]
    seen = planted.lost_of(first)
    return "" if seen >= 99 else "only %d of 100 seen" % seen


def run(python: interpreters.Interpreter, extension: Path, whats: List[str], leaks: bool, objects: int) -> int:
    """Problems found."""
    bad = 0
    with planted.start(python, extension, leaks, objects) as target, tempfile.TemporaryDirectory() as name:
        first: Optional[Path] = None
        for what in whats:
            began = time.monotonic()
            files = planted.lose_and_look(target, what, Path(name), first)
            document = planted.diagnose(files)
            problem = problem_of(what, document, leaks)
            side = "lost" if leaks else "clean"
            print(
                "%-5s %-5s %-8s %9d objects %5.0f s  %s"
                % (
                    python.tag,
                    side,
                    what,
                    document["snapshots"][0]["objects"],
                    time.monotonic() - began,
                    problem or "ok",
                ),
                flush=True,
            )
            bad += bool(problem)
            for file in files[:-1]:
                file.unlink()
            first = files[-1]
    return bad


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--objects", type=int, default=2_000_000, help="in the heap (%(default)s)")
    parser.add_argument("--pythons", default="", help="tags, comma separated (default: all found)")
    parser.add_argument("--what", default=",".join(planted.EXPECTED), help="kinds (%(default)s)")
    parser.add_argument("--no-clean", action="store_true", help="leave the clean twin out")
    parser.add_argument("--clean-together", action="store_true", help="all kinds of the clean twin in one document")
    parser.add_argument("--no-lost", action="store_true", help="the clean twin alone")
    options = parser.parse_args()
    compiler = shutil.which(planted.compiler()) or shutil.which("cc")
    if compiler is None:
        print("no C compiler: the extension cannot be built", file=sys.stderr)
        return 3
    tags = options.pythons.split(",") if options.pythons else interpreters.WANTED
    bad = 0
    for python in interpreters.interpreters():
        if python.tag not in tags:
            continue
        with tempfile.TemporaryDirectory() as folder:
            extension = planted.build_extension(python, Path(folder), compiler)
            whats = options.what.split(",")
            if not options.no_lost:
                bad += run(python, extension, whats, True, options.objects)
            if not options.no_clean:
                clean = ["+".join(whats)] if options.clean_together else whats
                bad += run(python, extension, clean, False, options.objects)
    print("%d problem(s)" % bad)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
