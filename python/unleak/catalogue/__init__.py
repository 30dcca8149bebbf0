"""Known leaks of released packages, as data (known.json), and how a finding is told that it is one of them.

The judgement never reads this: a document is annotated when it is complete. An entry says in which releases the leak is
known (`since`, the oldest that was seen to have it, up to but without `fixed`); only where the installed version lies
between them, and the finding itself names what the entry is about, the remedy becomes `upgrade`.

An entry: `package` (the distribution's name, or `python` for the interpreter and its library), `since`, `fixed`,
`reference` (where it was reported or fixed), `kinds` of findings it can be, `match` (a regular expression for the
holder, a type, or a place of the finding), `what` in words.
"""

import json
import re
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

Document = Dict[str, Any]
Entry = Dict[str, Any]
Version = Tuple[int, ...]

_FILE = Path(__file__).with_name("known.json")
_SITE = re.compile(r"^(.*/(?:site-packages|dist-packages))/")
_INSTALLED = re.compile(r"^(.+?)-(\d[^-]*)\.(?:dist-info|egg-info)$")
_MAX_FOLDERS = 16


def known() -> List[Entry]:
    """All entries."""
    return list(json.loads(_FILE.read_text(encoding="utf-8"))["known"])


def annotate(document: Document, installed: Dict[str, str]) -> None:
    """Gives each finding of a known leak its `known` and the remedy `upgrade`. `installed`: distribution to version."""
    there = {_normal(name): version for name, version in installed.items()}
    there["python"] = str((document.get("target") or {}).get("python") or "")
    for finding in document.get("findings", []):
        entry = _entry_of(finding, there)
        if entry is not None:
            _tell(finding, entry, there[_normal(entry["package"])])


def installed_versions(files: Iterable[str], names_in: Callable[[str], List[str]]) -> Dict[str, str]:
    """Versions of the distributions beside these files; `names_in` lists a folder of the target, [] if it cannot."""
    folders = dict.fromkeys(match.group(1) for match in map(_SITE.match, files) if match)
    found: Dict[str, str] = {}
    for folder in list(folders)[:_MAX_FOLDERS]:
        for name in names_in(folder):
            match = _INSTALLED.match(name)
            if match:
                found.setdefault(match.group(1), match.group(2))
    return found


def _entry_of(finding: Document, there: Dict[str, str]) -> Optional[Entry]:
    evidence = list(_evidence(finding))
    for entry in known():
        version = _version(there.get(_normal(entry["package"]), ""))
        if finding.get("kind") not in entry["kinds"] or not version:
            continue
        if _version(entry["since"]) <= version < _version(entry["fixed"]) and any(
            re.search(entry["match"], text) for text in evidence
        ):
            return entry
    return None


def _evidence(finding: Document) -> Iterator[str]:
    """What a finding names: its holder, types, edges of a cycle, and places."""
    holder = finding.get("holder") or {}
    yield from (str(holder.get("text") or ""), str(holder.get("root") or ""))
    for entry in (finding.get("what") or [])[:6]:
        yield str(entry.get("type") or "")
    for edge in (finding.get("cycle") or {}).get("edges") or []:
        yield "%s%s" % (edge.get("from"), edge.get("edge"))
    for places in (finding.get("sites") or {}).values():
        for place in (places or [])[:3]:
            yield "%s %s %s %s" % tuple(place.get(key) or "" for key in ("file", "library", "function", "text"))


def _tell(finding: Document, entry: Entry, version: str) -> None:
    finding["known"] = {key: entry[key] for key in ("package", "fixed", "reference", "what")}
    finding["known"]["installed"] = version
    remedy = finding.get("remedy")
    if not remedy or remedy.get("action") == "none":
        return
    remedy["otherwise"] = remedy["action"]
    remedy["action"] = "upgrade"
    remedy["text"] = "upgrade %s %s to %s or later: %s (%s); until then: %s" % (
        "Python" if entry["package"] == "python" else entry["package"],
        version,
        entry["fixed"],
        entry["what"],
        entry["reference"],
        remedy.get("text") or remedy["otherwise"],
    )


def _normal(name: str) -> str:
    """A distribution's name as all its spellings have it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _version(text: str) -> Version:
    """The release numbers of a version; () if it begins with none. Development and pre-releases count as the release before."""
    match = re.match(r"\d+(\.\d+)*", text)
    if not match:
        return ()
    numbers = tuple(int(part) for part in match.group(0).split(".")[:6])
    early = re.match(r"[-_.]?(a|b|c|rc|dev|alpha|beta|pre)", text[match.end() :])
    numbers = numbers + (0,) * (6 - len(numbers))
    return numbers + ((-1,) if early else (0,))
