"""`unleak check PATH...`: static findings, which documents and snapshots of a run confirm or dismiss."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import Any, Dict, List, Sequence

from unleak.check import registry, result
from unleak.cli import engine, errors, options, output, settings
from unleak.cli.conclude import conclude

FORMATS = ("text", "json", "sarif", "github")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", metavar="PATH", nargs="*", help="files, or folders to search for *.py")
    parser.add_argument("--select", type=names, metavar="RULES", default="default",
                        help="rules or groups, separated by commas; also: default, all (default)")
    parser.add_argument("--extend-select", type=names, metavar="RULES", default="", help="more than those of --select")
    parser.add_argument("--ignore", type=names, metavar="RULES", default="", help="rules or groups to leave out")
    parser.add_argument("--exclude", type=names, metavar="GLOBS", default="", help="files and folders to leave out")
    parser.add_argument("--evidence", metavar="FILE", action="append", default=[],
                        help="a document of diagnose or run (--json), or a snapshot: confirms or dismisses; repeatable")
    parser.add_argument("--format", choices=FORMATS, default="text", help="how the result is written (text)")
    options.add_json(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="write the result there")
    parser.add_argument("--jobs", type=options.count, metavar="N", help="processes (as many as processors)")
    parser.add_argument("--fail-on", choices=options.FAIL_LEVELS, default="probable",
                        help="least certainty of a finding for exit status 1 (probable: the rules that are on by default)")
    parser.add_argument("--explain", metavar="RULE", help="print a rule's page, or `all` for the list, and do nothing else")


def names(text: str) -> str:
    """A list as it comes from a flag or the environment, checked later: which rules there are takes loading them."""
    return text


def execute(args: argparse.Namespace) -> int:
    if args.explain:
        return explain(args.explain)
    if not args.paths:
        raise errors.usage("no PATH to check", "`unleak check .` checks this folder")
    rules = chosen(args)
    found = result.run(engine.tool(), args.paths, rules, words(args.exclude), per_file(), args.jobs or 0)
    if args.evidence:
        from unleak.check import evidence
        found = evidence.judge(found, load(words(args.evidence)))
    name = "json" if args.json else args.format
    write(importlib.import_module("unleak.check.formats." + name).render(found), args.output)
    tell(found, quiet=name == "sarif")
    return status(found, args.fail_on)


def words(text: Any) -> List[str]:
    parts = text if isinstance(text, list) else str(text or "").replace(",", " ").split()
    return [str(part) for part in parts]


def chosen(args: argparse.Namespace) -> List[str]:
    try:
        rules = registry.chosen(words(args.select) + words(args.extend_select), words(args.ignore))
    except registry.UnknownRule as problem:
        raise unknown(problem) from None
    if not rules:
        raise errors.usage("no rule is left to run")
    return [rule.name for rule in rules]


def unknown(problem: registry.UnknownRule) -> errors.Failure:
    close = " or ".join(problem.close)
    return errors.usage("there is no rule or group %r" % problem.name,
                        "did you mean %s?" % close if close else "`unleak check --explain all` lists them")


def per_file() -> List[result.PerFile]:
    """[tool.unleak.check.per-file-ignores]: globs to lists of rules."""
    table: Dict[str, Any] = settings.file_settings("check").get("per_file_ignores") or {}
    if not isinstance(table, dict):
        raise errors.usage("[tool.unleak.check] per-file-ignores is no table")
    try:
        return [result.PerFile(pattern, frozenset(n for word in words(rules) for n in registry.expand(word)))
                for pattern, rules in table.items()]
    except registry.UnknownRule as problem:
        raise unknown(problem) from None


def load(paths: List[str]) -> List[Any]:
    """Evidence from verdict documents, and from snapshots, all those of one process together."""
    from unleak.check import evidence
    found, snapshots = [], []
    for path in paths:
        try:
            document = evidence.read(path)
        except evidence.Unusable as problem:
            raise errors.Failure(str(problem), "`unleak diagnose PID --json` makes one") from None
        if document is not None:
            found.append(document)
        else:
            snapshots.append(path)
    return found + of_snapshots(snapshots)


def of_snapshots(paths: List[str]) -> List[Any]:
    """A diagnosis of the snapshots of each process, with the files of its code."""
    from unleak.check.evidence import Evidence
    processes: Dict[Any, List[Any]] = {}
    for path in paths:
        snapshot = engine.Snapshot.open(path)
        info = snapshot.info()
        processes.setdefault(info.get("pid"), []).append((float(info.get("boot_ns") or 0), path, snapshot))
    found = []
    for pid, looks in processes.items():
        looks.sort(key=lambda look: look[:2])
        session = engine.Session({"looks": len(looks)})
        for _, _, snapshot in looks:
            session.add(snapshot)
        questions = session.questions()
        document = conclude(session, len(looks), {"root": ""}, pid or 0)
        session.close()
        found.append(Evidence(", ".join(path for _, path, _ in looks), document, frozenset(questions.get("files") or ()),
                              questions.get("main_file") or ""))
    return found


def explain(name: str) -> int:
    from unleak.check import page
    rules = registry.all_rules()
    if name == "all":
        sys.stdout.write(page.index(rules.values()))
        return errors.OK
    if name not in rules:
        try:
            registry.expand(name)
        except registry.UnknownRule as problem:
            raise unknown(problem) from None
        raise errors.usage("%s is a group" % name, "`unleak check --explain all` lists its rules")
    sys.stdout.write(output.encodable(page.page(rules[name]), sys.stdout))
    return errors.OK


def write(text: str, path: str) -> None:
    if not path:
        sys.stdout.write(output.encodable(text, sys.stdout))
        return
    temporary = "%s.%d" % (path, os.getpid())
    try:
        with open(temporary, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError as problem:
        raise errors.Failure("cannot write %s: %s" % (path, problem.strerror)) from None


def tell(found: result.Result, quiet: bool) -> None:
    """What could not be looked at, on stderr; formats that carry it themselves need no second telling."""
    from unleak.check.formats.text import plain
    for note in found.notes:
        sys.stderr.write("unleak: %s\n" % plain(note))
    for problem in () if quiet else found.problems:
        where = "%s:%d" % (problem.path, problem.line) if problem.line else problem.path
        sys.stderr.write("unleak: %s: %s\n" % (plain(where), plain(problem.message)))


def status(found: result.Result, fail_on: str) -> int:
    missing: Sequence[str] = [p.path for p in found.problems if p.message.startswith("there is no such")]
    if missing or (found.files and found.files == len({p.path for p in found.problems})):
        return errors.FAILED        # nothing, or not what was asked for, could be looked at
    if fail_on == "never":
        return errors.OK
    level = "possible" if fail_on == "inconclusive" else fail_on
    return errors.FOUND if found.at_least(level) else errors.OK
