"""Fails where a detector has no complete page, or docs/findings is not what the detectors' comments make of it."""

import sys
from typing import Iterator, List

import gen_findings
from repo import Finding, Repository, run_check


def check(repository: Repository) -> List[Finding]:
    return list(_findings(repository))


def _findings(repository: Repository) -> Iterator[Finding]:
    for source in gen_findings.detectors(repository):
        page = gen_findings.read(repository, source)
        missing = [name for name in gen_findings.SECTIONS if not page.sections.get(name)]
        if page.sections and (missing or not page.title):
            yield Finding(
                source,
                1,
                "the comment at the top has no %s (tools/gen_findings.py says how)" % ", ".join(missing or ["title"]),
            )
    wanted = gen_findings.all_pages(repository)
    for path in sorted(set(repository.files(gen_findings.PAGES + "/*.md")) | set(wanted)):
        if path not in wanted:
            yield Finding(path, 0, "no detector has this page: run tools/gen_findings.py")
        elif not (repository.root / path).is_file() or repository.text(path) != wanted[path]:
            yield Finding(path, 0, "is not what the detectors say: run tools/gen_findings.py")


if __name__ == "__main__":
    sys.exit(run_check(check, __doc__))
