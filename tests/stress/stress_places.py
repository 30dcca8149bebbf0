"""How often the line of Python that a watchpoint's sample names is the right one.

stress_places.py [--pythons 3.12,3.13] [--rounds N] [--seed N]

A program (tests/audit/shapes.py) loses references at lines of many shapes and remembers which. Of each lost list that
was watched from its making on, the line that made it and the line whose call lost it are compared with the truth, by the
certainty that the sample was given. Exit status 1 if, of one version and question, more than one and one in a hundred of
the lines that are called sure are wrong, or more than one and one in twenty of the others.
"""

import argparse
import collections
import json
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Counter, Dict, List, Tuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "audit"), str(ROOT / "tests"), str(ROOT / "python")]
import interpreters  # noqa: E402
import planted  # noqa: E402
import shapes  # noqa: E402
from targets import start_target  # noqa: E402

from unleak.cli.helper import Helper  # noqa: E402
from unleak.cli.interrupts import Interrupts  # noqa: E402

HELPER = os.environ.get("UNLEAK_CAPTURE") or str(ROOT / "python" / "unleak" / "_native" / "unleak-capture")
Votes = Dict[Tuple[str, str], Counter[bool]]
"""Right and wrong, by what was asked ("made" or "lost") and the certainty of the sample."""


def observe(helper: Helper, pid: int, examples: List[int], rounds: int) -> List[Dict]:
    """Lives of lost lists, in `rounds` watches."""
    facts, descriptors = helper.call({"cmd": "look", "pid": pid, "max_pause_ms": 1000})
    assert facts["pid"] == pid
    for descriptor in descriptors:
        os.close(descriptor)
    lives: List[Dict] = []
    for _ in range(rounds):
        reply, _ = helper.call({"cmd": "references", "pid": pid, "like": [examples], "time_ms": 1000})
        assert not reply["problem"], reply["problem"]
        lives += reply["lives"]
    return lives


def vote(lives: List[Dict], truth: Dict[str, List[str]], votes: Votes, wrong: List[str]) -> None:
    for life in lives:
        markers = truth.get(str(life["object"]))
        lost = [w for w in life["writes"] if any(c["function"] == "lose" for c in w["native"][:1])]
        if not markers or len(lost) != 1:
            continue
        for what, write, marker in (("made", life["writes"][0], markers[0]), ("lost", lost[0], markers[1])):
            line = write["python"][0]["line"] if write["python"] else 0
            certainty = write["python"][0].get("certainty", "-") if write["python"] else "none"
            votes[what, certainty][line == shapes.LINES[marker]] += 1
            if line != shapes.LINES[marker] and line:
                wrong.append("%s %s: line %d, not %d (%s)" % (what, certainty, line, shapes.LINES[marker], marker))


def measure(python: interpreters.Interpreter, compiler: str, rounds: int, seed: int) -> Tuple[Votes, List[str]]:
    votes: Votes = collections.defaultdict(collections.Counter)
    wrong: List[str] = []
    with tempfile.TemporaryDirectory() as folder, Interrupts() as interrupts:
        extension = planted.build_extension(python, Path(folder), compiler)
        with start_target(python.exe, shapes.PROGRAM, [str(seed)], env={"PYTHONPATH": str(extension)}) as target:
            examples = json.loads(target.wait_ready(60))
            with Helper(HELPER, interrupts) as helper:
                lives = observe(helper, target.pid, examples, rounds)
            vote(lives, json.loads(target.ask("STOP")), votes, wrong)
    return votes, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pythons", default="", help="tags, comma separated (default: all found)")
    parser.add_argument("--rounds", type=int, default=10, help="watches of a second, each version (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    compiler = shutil.which(planted.compiler()) or shutil.which("cc")
    if compiler is None:
        print("no C compiler: the extension cannot be built", file=sys.stderr)
        return 3
    print("seed %d" % options.seed)
    tags = options.pythons.split(",") if options.pythons else interpreters.WANTED
    bad = False
    for python in interpreters.interpreters():
        if python.free_threaded or python.tag not in tags:
            continue
        votes, wrong = measure(python, compiler, options.rounds, options.seed)
        for (what, certainty), count in sorted(votes.items()):
            print(
                "%-5s %-5s %-9s right %4d  wrong %4d" % (python.tag, what, certainty, count[True], count[False]),
                flush=True,
            )
            bad = bad or count[False] > 1 + (0.01 if certainty == "sure" else 0.05) * sum(count.values())
        for text, times in collections.Counter(wrong).most_common(6):
            print("      %d x %s" % (times, text))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
