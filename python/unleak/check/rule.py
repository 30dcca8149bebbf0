"""What a rule is. A rule is a module of `rules/`: its docstring is the rule's page, `RULE` its facts, and
`check(module)` yields its findings. Adding the file is all that a new rule needs."""

from __future__ import annotations

import re
from typing import Callable, Iterator, NamedTuple, Tuple

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
    proven: Tuple[str, ...] = ()  # commits before which the rule finds the place, and after which it does not


class Rule(NamedTuple):
    """A rule as the engine uses it; made by the registry."""

    name: str  # the file's name with dashes, as in `# unleak: ignore[name]`
    facts: Facts
    page: str  # the docstring
    check: Callable[[Module], Iterator[Finding]]
    words: Tuple["Words", ...]

    @property
    def certainty(self) -> str:
        """Of its findings while no run of the program has been looked at."""
        return "probable" if self.facts.default else "possible"

    def may_find(self, text: bytes) -> bool:
        """Whether the file is worth parsing for this rule: every pattern occurs in its text."""
        return all(words.occur(text) for words in self.words)


class Words:
    """One regular expression over a file's bytes. Where it is nothing but words (`\\bcache\\b|\\blru_cache\\b`) the words
    are looked for first, which is ten times faster and nearly always answers no."""

    def __init__(self, pattern: str):
        self._pattern = re.compile(pattern.encode())
        parts = [re.sub(r"\\b|\\(?=[(). ])", "", part) for part in pattern.split("|")]
        unescaped = pattern.replace("\\(", "").replace("\\.", "")
        plain = (
            "(" not in unescaped and "." not in unescaped and all(re.fullmatch(r"[\w(). ]+", part) for part in parts)
        )
        self._words = tuple(part.encode() for part in parts) if plain else ()

    def occur(self, text: bytes) -> bool:
        if self._words and not any(word in text for word in self._words):
            return False
        return self._pattern.search(text) is not None
