"""Writes docs/findings: a page for each kind of finding, from the comment at the top of its detector.

A detector's file begins with such a comment: a title, then the sections What, Evidence, Remedy, Example (code, indented by
four) and Limits, each a paragraph that starts with its name and a colon.
"""

import re
import sys
import textwrap
from pathlib import Path
from typing import Dict, List, NamedTuple

from repo import Repository

DETECTORS = "src/diagnose/detectors"
PAGES = "docs/findings"
SECTIONS = ("What", "Evidence", "Remedy", "Example", "Limits")
_NO_DETECTOR = ("registry.cc",)
_KIND = re.compile(
    r'"(growing-container|unbounded-cache|listener|reference-cycle|uncollectable-cycle|weakref-misuse|lost-reference|'
    r"native-memory|bulk-read|pinned-frame|unfinished-task|context|class-churn|immortal-string|filling-cache|"
    r'fragmentation|warm-up)"'
)


class Page(NamedTuple):
    """What a detector's comment says."""

    source: str
    title: str
    sections: Dict[str, str]
    kinds: List[str]

    @property
    def path(self) -> str:
        return "%s/%s.md" % (PAGES, Path(self.source).stem.replace("_", "-"))


def detectors(repository: Repository) -> List[str]:
    """The files that must have a page."""
    found = repository.files(DETECTORS + "/*.cc")
    return sorted(p for p in found if not p.endswith(("_test.cc", "_bench.cc") + _NO_DETECTOR))


def read(repository: Repository, source: str) -> Page:
    """The page of one detector; sections that are not there are missing from it."""
    text = repository.text(source)
    comment = []
    for line in text.splitlines():
        if not line.startswith("//"):
            break
        comment.append(line[3:])
    title, sections, name = (comment or [""])[0].strip(), {}, ""
    for line in comment[1:]:
        found = re.match(r"([A-Z][a-z]+):(?: |$)", line)
        if found and found.group(1) in SECTIONS:
            name, line = found.group(1), line[found.end() :]
        if name:
            sections[name] = sections.get(name, "") + line + "\n"
    kinds = list(dict.fromkeys(_KIND.findall(text)))
    return Page(source, title, {k: v.strip("\n") for k, v in sections.items()}, kinds)


def render(page: Page) -> str:
    """The page as Markdown."""
    lines = ["# " + page.title, ""]
    if page.kinds:
        lines += ["In documents: %s." % ", ".join("`%s`" % kind for kind in page.kinds), ""]
    for name in SECTIONS:
        text = page.sections.get(name, "")
        body = (
            ["```python", re.sub(r"^    ", "", text, flags=re.MULTILINE), "```"]
            if name == "Example"
            else [_paragraph(text)]
        )
        lines += ["## " + name, "", *body, ""]
    lines += ["Told by [%s](../../%s)." % (Path(page.source).name, page.source)]
    return _generated() + "\n".join(lines) + "\n"


def _paragraph(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False)


def index(pages: List[Page]) -> str:
    """docs/findings/README.md."""
    rows = [
        "| [%s](%s) | %s | %s |" % (p.title, Path(p.path).name, ", ".join("`%s`" % k for k in p.kinds), _first(p))
        for p in sorted(pages, key=lambda p: p.title)
    ]
    text = "# Findings\n\nWhat unleak tells, on what evidence, and what to do about it.\n\n| page | in documents as | |\n|---|---|---|\n"
    return _generated() + text + "\n".join(rows) + "\n"


def _first(page: Page) -> str:
    """The first sentence of what it is."""
    text = " ".join(page.sections.get("What", "").split())
    return re.split(r"(?<=[.:]) ", text)[0].rstrip(":.")


def _generated() -> str:
    return "<!-- Made by tools/gen_findings.py from the comments in %s: change them there. -->\n" % DETECTORS


def all_pages(repository: Repository) -> Dict[str, str]:
    """Path to text of every page that should be there."""
    pages = [read(repository, source) for source in detectors(repository)]
    return {**{page.path: render(page) for page in pages}, PAGES + "/README.md": index(pages)}


def main() -> int:
    repository = Repository(Path(__file__).resolve().parent.parent)
    wanted = all_pages(repository)
    folder = repository.root / PAGES
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        if "%s/%s" % (PAGES, old.name) not in wanted:
            old.unlink()
    for path, text in wanted.items():
        (repository.root / path).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
