"""The truth that a program of examples/ states in its docstring, and whether a document says the same."""
import ast
import re
from pathlib import Path
from typing import Any, Dict, List

Document = Dict[str, Any]


def read_truth(path: Path) -> Dict[str, str]:
    """The `key: value` lines below `Truth` in the docstring."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    block = text.partition("\nTruth\n-----\n")[2]
    truth = dict(re.findall(r"^(\w+): (.+)$", block, re.M))
    assert truth.get("command") in ("diagnose", "run") and truth.get("verdict"), "%s states no truth" % path
    return truth


def marked_lines(path: Path, mark: str) -> List[int]:
    lines = path.read_text().splitlines()
    return [n for n, line in enumerate(lines, 1) if line.endswith("# MARK: " + mark)]


def wrong(truth: Dict[str, str], path: Path, document: Document) -> List[str]:
    """What is not as the program states; [] when all is right. The finding judged is the first."""
    problems = [] if document["verdict"] in truth["verdict"].split("|") else [
        "verdict %s instead of %s" % (document["verdict"], truth["verdict"])]
    if "kind" not in truth:
        sure = [f for f in document["findings"] if f["certainty"] != "possible" and f["kind"] not in (
            "filling-cache", "warm-up", "fragmentation")]
        return problems + ["false alarm: " + f["title"] for f in sure]
    if not document["findings"]:
        return problems + ["no finding"]
    finding = document["findings"][0]
    if finding["kind"] not in truth["kind"].split("|"):
        problems.append("kind %s instead of %s" % (finding["kind"], truth["kind"]))
    types = [w["type"] for w in finding["what"][:3]]
    if not any(re.search(r"(^|\.)(%s)$" % truth["what"], t) for t in types):
        problems.append("types %s instead of %s" % (types, truth["what"]))
    holder = (finding.get("holder") or {}).get("text") or ""
    if "holder" in truth and not re.search(r"\b%s\b" % truth["holder"], holder):
        problems.append("holder %r instead of %s" % (holder, truth["holder"]))
    places = [(Path(p.get("file") or "").name, p.get("line")) for p in finding["sites"].get("stored") or []]
    if not any((path.name, line) in places[:3] for line in marked_lines(path, truth["line"])):
        problems.append("places %s instead of the line marked %s" % (places, truth["line"]))
    if finding["remedy"]["action"] not in truth["remedy"].split("|"):
        problems.append("remedy %s instead of %s" % (finding["remedy"]["action"], truth["remedy"]))
    return problems
