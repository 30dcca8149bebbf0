"""Programs that fool simple rules (tests/programs/verdicts): what each states in its docstring, and whether unleak says the same.

Below `Truth` a docstring has lines `key: value`:
  command   diagnose (it prints READY and goes on) or run (it ends by itself)
  verdict   those that are right, separated by |; without `kind` there may be no sure finding of a leak
  kind      of the first finding, what (end of a type's name among its first three), holder (a word of it), bound (a number)
  line      the mark of the line that one of its first three places must be: `# MARK: LEAK`
  findings  how many sure findings of a leak there are: one cause is one finding
  seconds   of the diagnosis (8); `default`: as many as it needs by itself
  options   further words of the command line
  fast      yes: part of ./dev test; all are run by ./dev stress stress_verdicts
"""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

from targets import start_target

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "programs" / "verdicts"
PROGRAMS = sorted(path for path in FOLDER.glob("*_*.py")) + [FOLDER / "idle.py"]
NO_LEAK_KINDS = ("filling-cache", "warm-up", "fragmentation")

Document = Dict[str, Any]


def read_truth(path: Path) -> Dict[str, str]:
    """The `key: value` lines below `Truth` in the docstring."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    truth = dict(re.findall(r"^(\w+): (.+)$", text.partition("\nTruth\n-----\n")[2], re.M))
    assert truth.get("command") in ("diagnose", "run") and truth.get("verdict"), "%s states no truth" % path
    return truth


def look_at(path: Path, exe: str) -> Document:
    """unleak's document on one run of the program."""
    truth = read_truth(path)
    options = truth.get("options", "").split()
    if truth["command"] == "run":
        return _unleak("run", "--python", exe, *options, str(path))
    if truth.get("seconds") != "default":
        options += ["--duration", truth.get("seconds", "8")]
    with start_target(exe, path) as target:
        target.wait_ready()
        document = _unleak("diagnose", str(target.pid), *options)
        assert target.running(), "the program must go on"
        return document


def _unleak(command: str, *words: str) -> Document:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    done = subprocess.run(
        [sys.executable, "-P" if sys.version_info >= (3, 11) else "-s", "-m", "unleak", command, "--json", *words],
        env=env,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def wrong(path: Path, document: Document) -> List[str]:
    """What is not as the program states; [] when all is right."""
    truth = read_truth(path)
    problems = []
    if document["verdict"] not in truth["verdict"].split("|"):
        problems.append("verdict %s instead of %s" % (document["verdict"], truth["verdict"]))
    sure = [f for f in document["findings"] if f["certainty"] != "possible" and f["kind"] not in NO_LEAK_KINDS]
    if "findings" in truth and len(sure) != int(truth["findings"]):
        problems.append("%d findings instead of %s: %s" % (len(sure), truth["findings"], [f["title"] for f in sure]))
    if "kind" not in truth:
        return problems + ["false alarm: " + f["title"] for f in sure]
    if not document["findings"]:
        return problems + ["no finding"]
    finding = document["findings"][0]
    return problems + [text for right, text in _parts(path, truth, finding) if not right]


def _parts(path: Path, truth: Dict[str, str], finding: Document) -> List[Tuple[bool, str]]:
    """Each part of the finding that the program states: right or not, and what is said instead."""
    types = [w["type"] for w in finding["what"][:3]]
    holder = (finding.get("holder") or {}).get("text") or ""
    bound = (finding.get("bound") or {}).get("value")
    places = [(Path(p.get("file") or "").name, p.get("line")) for p in finding["sites"].get("stored") or []][:3]
    marks = [(path.name, line) for line in marked_lines(path, truth.get("line", ""))]
    told = {
        "kind": finding["kind"] in truth["kind"].split("|"),
        "what": any(re.search(r"(^|\.)(%s)$" % truth.get("what"), t) for t in types),
        "holder": bool(re.search(r"\b(%s)\b" % truth.get("holder"), holder)),
        "bound": str(bound) == truth.get("bound"),
        "line": any(mark in places for mark in marks),
    }
    said = {"kind": finding["kind"], "what": types, "holder": holder, "bound": bound, "line": places}
    return [(told[part], "%s %s instead of %s" % (part, said[part], truth[part])) for part in told if part in truth]


def marked_lines(path: Path, mark: str) -> List[int]:
    """Lines that end in `# MARK: ` and the mark."""
    lines = path.read_text().splitlines()
    return [n for n, line in enumerate(lines, 1) if mark and line.endswith("# MARK: " + mark)]
