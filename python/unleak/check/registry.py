"""Finds the rules: every module of `rules/` is one."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import Dict, Iterable, List, Sequence

from unleak.check import rules
from unleak.check.rule import GROUPS, Facts, Rule, Words

UNUSED = "unused-ignore"  # no rule of its own: what is left over when all rules have run
WORDS = ("all", "default", *GROUPS)


class UnknownRule(Exception):
    """A name in --select, --ignore or a comment that is no rule."""

    def __init__(self, name: str, close: Sequence[str]):
        super().__init__(name)
        self.name, self.close = name, close


@functools.lru_cache(maxsize=None)
def all_rules() -> Dict[str, Rule]:
    """By name, in alphabetical order."""
    found = {}
    for entry in pkgutil.iter_modules(rules.__path__):
        module = importlib.import_module("unleak.check.rules." + entry.name)
        facts: Facts = module.RULE
        name = entry.name.replace("_", "-")
        found[name] = Rule(name, facts, module.__doc__ or "", module.check, tuple(map(Words, facts.words)))
    return dict(sorted(found.items()))


def chosen(select: Iterable[str], ignore: Iterable[str]) -> List[Rule]:
    """The rules that `select` names (names, groups, `default`, `all`), without those that `ignore` names."""
    wanted = {name for word in select for name in expand(word)}
    unwanted = {name for word in ignore for name in expand(word)}
    return [rule for name, rule in all_rules().items() if name in wanted - unwanted]


def expand(word: str) -> List[str]:
    """The rules that a name, a group, `default` or `all` stands for."""
    known = all_rules()
    if word == "all":
        return list(known)
    if word == "default":
        return [name for name, rule in known.items() if rule.facts.default]
    if word in GROUPS:
        return [name for name, rule in known.items() if rule.facts.group == word]
    if word in known or word == UNUSED:
        return [word]
    import difflib

    raise UnknownRule(word, difflib.get_close_matches(word, [*known, *WORDS], 2))
