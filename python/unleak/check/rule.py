"""What a rule is. A rule is a module of `rules/`: its docstring is the rule's page, `RULE` its facts, and
`check(module)` yields its findings. Adding the file is all that a new rule needs."""

from __future__ import annotations

import re
from typing import Callable, Iterator, NamedTuple, Pattern, Tuple

from unleak.check.finding import Finding
from unleak.check.module import Module

GROUPS = ("cycle", "cache", "registry", "frame", "weakref", "read", "work", "context", "class")


class Facts(NamedTuple):
    """What the author of a rule states in `RULE`."""

    summary: str  # one line, for lists
    group: str  # one of GROUPS
    remedy: str  # an action of the verdict document (docs: findings), such as break-cycle
    kinds: Tuple[str, ...]  # kinds of findings of a diagnosis that show the same leak in the running program
    words: Tuple[str, ...]  # regular expressions; a file in whose text one of them is nowhere has no finding
    default: bool = False  # on without being asked for: few false alarms, and real fixes to show
    fixes: Tuple[str, ...] = ()  # real fixes of this pattern: owner/project#number, or a commit as owner/project@hash


class Rule(NamedTuple):
    """A rule as the engine uses it; made by the registry."""

    name: str  # the file's name with dashes, as in `# unleak: ignore[name]`
    facts: Facts
    page: str  # the docstring
    check: Callable[[Module], Iterator[Finding]]
    words: Tuple[Pattern[bytes], ...]

    @property
    def certainty(self) -> str:
        """Of its findings while no run of the program has been looked at."""
        return "probable" if self.facts.default else "possible"

    def may_find(self, text: bytes) -> bool:
        """Whether the file is worth parsing for this rule: every pattern occurs in its text."""
        return all(pattern.search(text) for pattern in self.words)


def compiled(words: Tuple[str, ...]) -> Tuple[Pattern[bytes], ...]:
    return tuple(re.compile(word.encode()) for word in words)
