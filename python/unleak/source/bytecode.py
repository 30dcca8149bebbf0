"""Reads the instructions of code objects that a snapshot carries where the source was not there to read.

Everything in them came from a target and is hostile: any bytes decode to something or to nothing, in bounded time. The
numbers of instructions are of `opcodes.json`, which `tools/opcodes.py` makes from each interpreter's own tables. Layouts:
  instructions  pairs of opcode and argument; from 3.11 on followed by cache units, and specialized as the program ran
  line tables   3.9 Objects/lnotab_notes.txt; 3.10 PEP 626; 3.11 and later Objects/locations.md
"""

import bisect
import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from .question import text_field, texts

_TABLE = Path(__file__).with_name("opcodes.json")
_MAX_INSTRUCTIONS = 500000
_DOUBLE = {  # one instruction, two variables: what it does with each
    "LOAD_FAST_LOAD_FAST": ("load", "load"),
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW": ("load", "load"),
    "STORE_FAST_LOAD_FAST": ("store", "load"),
    "STORE_FAST_STORE_FAST": ("store", "store"),
}
_PLAIN = {
    "STORE_SUBSCR": "store_item",
    "DELETE_SUBSCR": "delete_item",
    "STORE_SLICE": "store_item",
    "MAKE_FUNCTION": "function",
    "COMPARE_OP": "compare",
    "CONTAINS_OP": "contains",
    "LOAD_CONST": "const",
    "LOAD_SMALL_INT": "const",
    "LOAD_BUILD_CLASS": "class",
    "POP_TOP": "end",
    "RETURN_VALUE": "end",
    "RETURN_CONST": "end",
    "RAISE_VARARGS": "raise",
    "GET_ITER": "iterate",
}
_ENDS = frozenset({"end", "store", "store_attr", "store_item", "delete", "delete_attr", "delete_item", "raise", "jump"})


class Event(NamedTuple):
    """What one instruction does, as far as it matters here."""

    line: int  # 0: not known
    what: str  # load, attr, store, store_attr, store_item, delete, delete_attr, delete_item, call, compare, ...
    name: str  # of the variable or attribute
    space: str  # of a variable: global, fast, deref, name; else ""


class Code:
    """One code object with its statements."""

    def __init__(self, body: Dict[str, Any], version: Tuple[int, int]) -> None:
        self.file = text_field(body, "file")
        self.name = text_field(body, "name")
        self.qualname = text_field(body, "qualname") or self.name
        first = body.get("first_line")
        self.first_line = first if isinstance(first, int) else 0
        self.names = texts(body.get("names"))
        self.locals = texts(body.get("locals"))
        self._body = body
        self._version = version
        self._statements: Optional[List[List[Event]]] = None

    @property
    def statements(self) -> List[List[Event]]:
        """Its events, cut where a statement (or the test of one) ends; decoded when first asked for."""
        if self._statements is None:
            self._statements = list(_cut(self._events()))
        return self._statements

    def uses(self, name: str) -> bool:
        """Whether it has this name at all: cheaper than decoding."""
        return name in self.names or name in self.locals

    def _events(self) -> Iterator[Event]:
        table = _tables().get("%d.%d" % self._version)
        instructions, lines = _bytes(self._body, "instructions"), _bytes(self._body, "lines")
        if table is None or not instructions:
            return
        fast = self._body.get("fast")
        cells = fast if isinstance(fast, int) and self._version < (3, 11) else 0
        line_of = Lines(self._version, self.first_line, lines)
        for offset, name, argument in decode(instructions, table):
            line = line_of.at(offset)
            if name in _DOUBLE:
                for what, index in zip(_DOUBLE[name], (argument >> 4, argument & 15)):
                    yield Event(line, what, _item(self.locals, index), "fast")
                continue
            found = self._event(name, argument, cells)
            if found is not None:
                yield Event(line, *found)

    def _event(self, name: str, argument: int, cells: int) -> Optional[Tuple[str, str, str]]:
        if name in _PLAIN:
            return (_PLAIN[name], "", "")
        if name.startswith(("CALL", "PRECALL")):
            return None if name in ("PRECALL", "CALL_INTRINSIC_1", "CALL_INTRINSIC_2") else ("call", "", "")
        if name.startswith(("POP_JUMP", "JUMP_IF")):
            return ("jump", "", "")
        head, _, rest = name.partition("_")
        what = {"LOAD": "load", "STORE": "store", "DELETE": "delete"}.get(head)
        if what is None:
            return None
        if rest in ("ATTR", "METHOD", "SUPER_ATTR"):
            index = argument
            if what == "load" and self._version >= (3, 12):
                index >>= 2 if rest == "SUPER_ATTR" else 1
            return ("attr" if what == "load" else what + "_attr", _item(self.names, index), "")
        if rest == "GLOBAL":
            index = argument >> 1 if what == "load" and self._version >= (3, 11) else argument
            return (what, _item(self.names, index), "global")
        if rest in ("NAME", "FROM_DICT_OR_GLOBALS"):
            return (what, _item(self.names, argument), "name")
        if rest.startswith("FAST"):
            return (what, _item(self.locals, argument), "fast")
        if rest in ("DEREF", "CLASSDEREF", "FROM_DICT_OR_DEREF", "CLOSURE"):
            return (what, _item(self.locals, cells + argument), "deref")
        return None


def codes(questions: Dict[str, Any]) -> List[Code]:
    """The code objects that come with the questions (`bytecode`)."""
    parts = text_field(questions, "python").split(".")
    listed = questions.get("bytecode")
    if len(parts) < 2 or not all(p.isdigit() for p in parts[:2]) or not isinstance(listed, list):
        return []
    version = (int(parts[0]), int(parts[1]))
    return [Code(body, version) for body in listed if isinstance(body, dict)]


def decode(instructions: bytes, table: Dict[str, Any]) -> Iterator[Tuple[int, str, int]]:
    """(byte offset, name, argument) of each instruction, caches skipped. Ends at an instruction that hides another one
    (while the program is traced line by line)."""
    names, caches = table["names"], table["caches"]
    extended, offset, steps = 0, 0, 0
    while offset + 1 < len(instructions) and steps < _MAX_INSTRUCTIONS:
        steps += 1
        name = names.get(str(instructions[offset]), "")
        argument = extended | instructions[offset + 1]
        if name in ("INSTRUMENTED_LINE", "INSTRUMENTED_INSTRUCTION"):
            return
        name = name[13:] if name.startswith("INSTRUMENTED_") else name
        extended = (argument << 8) & 0xFFFFFFFF if name.startswith("EXTENDED_ARG") else 0
        if not extended and name:
            yield offset, name, argument
        offset += 2 + 2 * caches.get(name, 0)


class Lines:
    """Lines of a code object by byte offset."""

    def __init__(self, version: Tuple[int, int], first_line: int, table: bytes) -> None:
        if version < (3, 10):
            entries = _lnotab(first_line, table)
        elif version < (3, 11):
            entries = _pep626(first_line, table)
        else:
            entries = _locations(first_line, table)
        self._starts: List[int] = []
        self._lines: List[int] = []
        for start, line in entries:
            self._starts.append(start)
            self._lines.append(line)

    def at(self, offset: int) -> int:
        """The line of the instruction at this offset, 0 if the table has none."""
        index = bisect.bisect_right(self._starts, offset) - 1
        return self._lines[index] if index >= 0 else 0


def _lnotab(line: int, table: bytes) -> Iterator[Tuple[int, int]]:
    start = 0
    yield start, line
    for index in range(0, len(table) - 1, 2):
        start += table[index]
        line += _signed(table[index + 1])
        yield start, line


def _pep626(line: int, table: bytes) -> Iterator[Tuple[int, int]]:
    start = 0
    for index in range(0, len(table) - 1, 2):
        delta = _signed(table[index + 1])
        line += delta if delta != -128 else 0
        yield start, 0 if delta == -128 else line
        start += table[index]


def _locations(line: int, table: bytes) -> Iterator[Tuple[int, int]]:
    start = at = 0
    while at < len(table):
        first = table[at]
        kind, length = first >> 3 & 15, (first & 7) + 1
        at += 1
        if kind in (13, 14):
            value, at = _varint(table, at)
            line += -(value >> 1) if value & 1 else value >> 1
        elif 10 <= kind <= 12:
            line += kind - 10
        while at < len(table) and not table[at] & 0x80:  # columns; an entry starts with its high bit set
            at += 1
        yield start, 0 if kind == 15 else line
        start += 2 * length


def _varint(table: bytes, at: int) -> Tuple[int, int]:
    value = shift = 0
    while at < len(table) and shift < 60:
        byte = table[at]
        at += 1
        value |= (byte & 63) << shift
        shift += 6
        if not byte & 64:
            break
    return value, at


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def _cut(events: Iterator[Event]) -> Iterator[List[Event]]:
    part: List[Event] = []
    for event in events:
        part.append(event)
        if event.what in _ENDS:
            yield part
            part = []
    if part:
        yield part


def _item(items: List[str], index: int) -> str:
    return items[index] if 0 <= index < len(items) else ""


def _bytes(body: Dict[str, Any], key: str) -> bytes:
    try:
        return bytes.fromhex(text_field(body, key))
    except ValueError:
        return b""


_loaded: Dict[str, Any] = {}


def _tables() -> Dict[str, Any]:
    if not _loaded:
        _loaded.update(json.loads(_TABLE.read_text(encoding="utf-8")))
    return _loaded
