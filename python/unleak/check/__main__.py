"""`python -m unleak.check FOLDER` writes the pages of the rules there (docs/check)."""

from __future__ import annotations

import sys
from pathlib import Path

from unleak.check import page, registry


def write_pages(folder: Path) -> None:
    """One page a rule and the list of all; pages of rules that are gone go too."""
    rules = registry.all_rules()
    folder.mkdir(parents=True, exist_ok=True)
    pages = {name + ".md": page.page(rule) for name, rule in rules.items()}
    pages["README.md"] = page.index(rules.values())
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m unleak.check FOLDER")
    write_pages(Path(sys.argv[1]))
