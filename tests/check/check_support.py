"""Fixtures of the rules: `# FINDING` marks each line where the rule of the folder's name must find something."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Set

from unleak.check import engine, files, registry
from unleak.check.finding import FileReport
from unleak.check.module import Module

FIXTURES = Path(__file__).resolve().parent / "fixtures"


def fixtures() -> List[Path]:
    return sorted(FIXTURES.glob("*/*.py"))


def marked(path: Path) -> Set[int]:
    return {at for at, line in enumerate(path.read_text().splitlines(), 1) if "# FINDING" in line}


def run(path: Path, *names: str) -> FileReport:
    """The report of one file by these rules."""
    known: Dict[str, object] = dict(registry.all_rules())
    return engine.check_file(str(path), [known[name] for name in names])  # type: ignore[misc]


def run_text(tmp_path: Path, text: str, *names: str) -> FileReport:
    path = tmp_path / "example.py"
    path.write_text(text)
    return run(path, *(names or registry.all_rules()))


def without_prefilter(path: Path, name: str) -> Set[int]:
    """Lines that a rule finds when its words are not asked first."""
    source = files.read(str(path))
    assert isinstance(source, files.Text)
    tree = engine.parse(str(path), source.text)
    assert not isinstance(tree, tuple)
    return {f.line for f in registry.all_rules()[name].check(Module(str(path), source.text, tree))}
