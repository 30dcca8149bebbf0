"""Reads the walker's stream (src/walker/stream.h) from the probe's dump."""

import array
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

TRAVERSE, OMITTED, CONSERVATIVE, TYPE_EDGE, BLOCK, LEAF, FAULTED, NODE = range(8)
NONE, INDEX, VALUE, KEY, BODY, ATTR, ROOT, LOCAL = range(8)
GROUP_INTERPRETER, GROUP_THREAD, GROUP_FRAME, GROUP_STATIC_TYPES = range(1, 5)
TRACKED, IMMORTAL, FROZEN, IS_FAULTED = 1, 2, 4, 8
FINALIZER, INTERNED, YOUNG, OLD, BLIND = 64, 128, 256, 512, 1024


class Edge(NamedTuple):
    """One reference: target, class, kind of label, the label's value (key address, index or offset)."""

    target: int
    edge_class: int
    kind: int
    value: int


class Node(NamedTuple):
    """One object, or a group of roots."""

    address: int
    type: int
    size: int
    refcount: int
    value: int
    length: int
    flags: int
    edges: List[Edge]
    blocks: List[Tuple[int, int]]


class Group(NamedTuple):
    """References that no object holds."""

    kind: int
    context: int
    extra: int
    edges: List[Edge]


def edge_of(word: int, label: int) -> Edge:
    kind = label & 7
    value = label & ~7
    if kind in (INDEX, ROOT, LOCAL):
        value = label >> 3
    elif kind == BODY:
        value = (label - (1 << 64) if label >> 63 else label) >> 3
    return Edge(word & ~7, word & 7, kind, value)


def read(path: Path) -> Tuple[Dict[int, Node], List[Group]]:
    """All nodes by address, and the root groups in the order of the stream."""
    words = array.array("Q", path.read_bytes())
    nodes: Dict[int, Node] = {}
    groups: List[Group] = []
    edges: List[Edge] = []
    blocks: List[Tuple[int, int]] = []
    at = 0
    while at < len(words):
        tag = words[at] & 7
        if tag < BLOCK:
            edges.append(edge_of(words[at], words[at + 1]))
        elif tag == BLOCK:
            blocks.append((words[at] & ~7, words[at + 1]))
        elif words[at] == NODE:
            groups.append(Group(words[at + 1], words[at + 2], words[at + 3], edges))
            edges, blocks = [], []
        else:
            address = words[at] & ~7
            own = [] if tag == LEAF else edges
            low = words[at + 2] & 0xFFFFFFFF
            assert tag == LEAF or low == len(own), "the node's count of edges is not that of the stream"
            assert address not in nodes, "an object came twice"
            nodes[address] = Node(
                address, words[at + 1] >> 32, words[at + 1] & 0xFFFFFFFF, words[at + 2] >> 32, low if tag == LEAF else 0,
                words[at + 3] >> 16, words[at + 3] & 0xFFFF, own, blocks,
            )  # fmt: skip
            blocks = []
            if tag != LEAF:
                edges = []
        at += 2 if tag <= BLOCK else 4
    return nodes, groups
