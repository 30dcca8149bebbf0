"""A look misses nothing that the collector of the process itself knows."""

import array
import collections
from pathlib import Path
from typing import Dict, Set

from interpreters import Interpreter


def read_pairs(path: Path):
    """Objects and references of the reference file."""
    words = array.array("Q", path.read_bytes())
    objects = set()
    edges: Dict[int, Set[int]] = collections.defaultdict(set)
    for source, target in zip(words[::2], words[1::2]):
        if source:
            edges[source].add(target)
        else:
            objects.add(target)
    return objects, edges


def test_no_object_and_no_edge_is_missing(interpreter: Interpreter, target, look, tmp_path: Path) -> None:
    file = tmp_path / "reference"
    process = target(interpreter.exe, "reference_target.py", str(file))
    snapshot = look(process.pid)
    objects, edges = read_pairs(file)
    assert len(objects) > 30_000 and len(edges) > 10_000
    missing = objects - snapshot.node.keys()
    assert not missing, "%d of %d objects" % (len(missing), len(objects))
    names = snapshot.type_names()
    absent = collections.Counter()
    for source, wanted in edges.items():
        have = {edge.target for edge in snapshot.edges(source)}
        absent[names[snapshot.type[snapshot.node[source]]]] += len(wanted - have)
    assert not +absent
