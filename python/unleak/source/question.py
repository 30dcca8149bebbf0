"""Fields of questions, read with care: they may be absent or of any type."""

import re
from typing import List, NamedTuple, Optional

_STEP = re.compile(r"\.([A-Za-z_][\w ]*)|(\[[^\]]*\]|\{[^}]*\}|\+|->|[^.\[{+]+)")
_KEY = re.compile(r"\[(['\"])(.*)\1\]$")


class Step(NamedTuple):
    """One step from a value to one that it refers to: an attribute (`name`), or an item ("") with its key if it is a text."""

    name: str
    key: Optional[str] = None


def parse_steps(inner: object) -> List[Step]:
    """Steps of a question's `inner`: ".entries" and "[*]" and runs of them."""
    steps: List[Step] = []
    for text in inner if isinstance(inner, list) else ():
        for match in _STEP.finditer(text if isinstance(text, str) else ""):
            key = _KEY.match(match.group(2) or "")
            steps.append(Step(match.group(1) or "", key.group(2) if key else None))
    return steps[:32]


def text_field(table: object, key: str) -> str:
    """A string of a question, "" if it is absent or something else."""
    value = table.get(key) if isinstance(table, dict) else None
    return value if isinstance(value, str) else ""


def texts(listed: object) -> List[str]:
    """The strings of a list of a question."""
    return [t for t in listed if isinstance(t, str)] if isinstance(listed, list) else []


def describe(question: dict) -> str:
    """The holder in words, for notes."""
    holder = question.get("holder")
    name = ".".join(p for p in (text_field(holder, key) for key in ("module", "class", "function", "name")) if p)
    inner = holder.get("inner") if isinstance(holder, dict) else None
    return (name or "the holder") + "".join(texts(inner))
