"""Reads uncompressed snapshot files (docs/format.md) with nothing but the standard library, for the tests' own look at them."""

import array
import struct
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Tuple

NONE = 0xFFFFFFFF
CLASSES = ("traverse", "omitted", "conservative", "type")
KINDS = ("none", "index", "name", "key-name", "key-node", "key", "local", "type")
ROOT_KINDS = ("interpreter", "thread", "frame", "static-type", "module-state", "immortal", "caller")


class Edge(NamedTuple):
    """One reference: address of what it leads to, who reported it, how it is called."""

    target: int
    edge_class: str
    kind: str
    label: object  # name, index, address of the key, or None


class Root(NamedTuple):
    target: int
    kind: str
    name: str
    thread: int
    frame: int


class Snapshot:
    """The columns of one file."""

    def __init__(self, path: Path):
        self._data = path.read_bytes()
        trailer = self._data[-64:]
        table, size, sections, _ = struct.unpack_from("<QQII", trailer)
        assert trailer.endswith(b"unlk-end") and size == len(self._data)
        self._sections: Dict[int, Tuple[int, int, int]] = {}
        for i in range(sections):
            ident, _, _, codec, _, width, _, rows, offset = struct.unpack_from("<IBBBBIIQQ", self._data, table + 56 * i)
            assert codec == 0, "not a raw file"
            self._sections[ident] = (offset, rows, width)
        self.address = self._column(16, "Q")
        self.type = self._column(17, "I")
        self.size = self._column(18, "I")
        self.refcount = self._column(19, "I")
        self.flags = self._column(20, "H")
        self.length = self._column(21, "I")
        self._row = self._column(32, "I")
        self._target = self._column(33, "I")
        self._label = self._column(34, "I")
        self._strings = self._read_strings()
        self.node = {address: i for i, address in enumerate(self.address)}

    def _column(self, ident: int, code: str) -> array.array:
        offset, rows, width = self._sections[ident]
        column = array.array(code)
        assert column.itemsize == width
        column.frombytes(self._data[offset : offset + rows * width])
        return column

    def _records(self, ident: int, form: str) -> Iterator[tuple]:
        if ident not in self._sections:
            return
        offset, rows, width = self._sections[ident]
        for i in range(rows):
            yield struct.unpack_from("<" + form, self._data, offset + i * width)

    def _read_strings(self) -> List[str]:
        offset, rows, _ = self._sections[4]
        text = self._data[offset : offset + rows]
        strings, start = [], 0
        for end in self._column(5, "Q")[1:]:
            strings.append(text[start:end].decode("utf-8", "replace"))
            start = end
        return strings

    @property
    def strings(self) -> List[str]:
        return self._strings

    def edges(self, address: int) -> List[Edge]:
        node = self.node[address]
        found = []
        for e in range(self._row[node], self._row[node + 1]):
            label = self._label[e]
            kind, value = KINDS[label >> 27 & 7], label & (1 << 27) - 1
            shown: object = None
            if kind in ("name", "key-name", "local"):
                shown = self._strings[value]
            elif kind == "index":
                shown = value
            elif kind == "key-node":
                shown = self.address[value]
            found.append(Edge(self.address[self._target[e]], CLASSES[label >> 30], kind, shown))
        return found

    def labels(self, address: int) -> Dict[object, int]:
        """Targets by label, of the edges that have one."""
        return {edge.label: edge.target for edge in self.edges(address) if edge.label is not None}

    def type_names(self) -> List[str]:
        return [self._strings[row[2]] for row in self._records(6, "QIIIIBBBBII")]

    def roles(self) -> List[int]:
        return [row[5] for row in self._records(6, "QIIIIBBBBII")]

    def type_name(self, address: int) -> str:
        return self.type_names()[self.type[self.node[address]]]

    def roots(self) -> List[Root]:
        return [
            Root(self.address[node], ROOT_KINDS[kind], self._strings[name], thread, frame)
            for node, kind, name, thread, frame, _ in self._records(64, "IBIIIB")
        ]

    def threads(self) -> List[Dict[str, object]]:
        keys = ("native_id", "ident", "name", "interpreter", "holds_gil", "cpu_ns")
        rows = [dict(zip(keys, row)) for row in self._records(65, "QQIIBQ")]
        for row in rows:
            row["name"] = self._strings[row["name"]]
        return rows

    def frames(self) -> List[Dict[str, object]]:
        codes = self.codes()
        return [
            {"thread": thread, "depth": depth, "code": codes[code] if code != NONE else None, "line": line}
            for thread, depth, code, line in self._records(66, "IIII")
        ]

    def codes(self) -> List[Dict[str, object]]:
        return [
            {"address": self.address[node], "name": self._strings[name], "qualname": self._strings[qualname],
             "file": self._strings[file], "first_line": line}
            for node, name, qualname, file, line in self._records(67, "IIIII")
        ]

    def ints(self) -> Dict[int, int]:
        return {self.address[node]: value for node, value in self._records(24, "Iq")}

    def collectors(self) -> List[tuple]:
        return list(self._records(69, "BB6i9Q"))
