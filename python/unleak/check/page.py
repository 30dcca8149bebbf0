"""The page of a rule, from its docstring and facts: printed by --explain, generated into docs/check/."""

from __future__ import annotations

import inspect
from typing import Dict, Iterable, List

from unleak.check.registry import UNUSED
from unleak.check.rule import GROUPS, Rule

GROUP_NAMES = {
    "cycle": "Reference cycles",
    "cache": "Caches",
    "registry": "Registries that only grow",
    "frame": "Frames and exceptions",
    "weakref": "Weak references misused",
    "read": "Whole reads",
    "work": "Work that never ends",
    "context": "Contexts",
    "class": "Classes",
}


def remarks(rule: Rule) -> str:
    """The docstring: what it finds, why, what instead, limits."""
    return inspect.cleandoc(rule.page)


def page(rule: Rule) -> str:
    """The whole page, Markdown."""
    facts = rule.facts
    on = "on by default" if facts.default else "off by default: `--select %s`" % rule.name
    lines = ["# %s" % rule.name, "", "*%s, %s.*" % (GROUP_NAMES[facts.group], on), "", remarks(rule), ""]
    if facts.fixes or facts.proven:
        lines += ["## Seen in", ""]
        lines += ["- %s (found before the fix, and not after it)" % cited(fix) for fix in facts.proven]
        lines += ["- " + cited(fix) for fix in facts.fixes] + [""]
    lines += ["## With evidence", "", _evidence(rule), ""]
    lines += ["Ignore one place with `# unleak: ignore[%s]`." % rule.name]
    return "\n".join(lines) + "\n"


def cited(fix: str) -> str:
    """`owner/project#12` or `owner/project@hash` as a link to its public history."""
    project, number, issue = fix.partition("#")
    if number:
        return "[%s](https://github.com/%s/issues/%s)" % (fix, project, issue)
    project, _, commit = fix.partition("@")
    return "[%s](https://github.com/%s/commit/%s)" % (fix, project, commit)


def _evidence(rule: Rule) -> str:
    kinds = ", ".join("`%s`" % kind for kind in rule.facts.kinds)
    return (
        "`--evidence FILE` with a document of `unleak diagnose --json` confirms a finding when the running program showed %s at the"
        " same line or holder. Remedy, as a diagnosis names it: `%s`." % (kinds, rule.facts.remedy)
    )


def index(rules: Iterable[Rule]) -> str:
    """The list of all rules, by group."""
    groups: Dict[str, List[Rule]] = {group: [] for group in GROUPS}
    for rule in rules:
        groups[rule.facts.group].append(rule)
    lines = ["# Rules of `unleak check`", "", INTRODUCTION, ""]
    for group, members in groups.items():
        if members:
            lines += [
                "## %s (`%s`)" % (GROUP_NAMES[group], group),
                "",
                "| rule | finds | by default |",
                "|---|---|---|",
            ]
            for rule in sorted(members, key=lambda rule: (not rule.facts.default, rule.name)):
                on = "on" if rule.facts.default else ""
                lines.append("| [%s](%s.md) | %s | %s |" % (rule.name, rule.name, rule.facts.summary, on))
            lines.append("")
    lines += ["`%s` is told for each `# unleak: ignore[...]` that suppresses nothing." % UNUSED]
    return "\n".join(lines) + "\n"


INTRODUCTION = (
    "Generated from `python/unleak/check/rules/`, one rule a file; do not edit. [check.md](../check.md) says how to use"
    " them. Few are on by default: those whose findings are nearly always what they say, each with real fixes to show."
    " The others are worth a look, or evidence from a run."
)
