"""What the walker says of known objects of a live process, on every interpreter: edges, names, sizes, flags."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import stream  # noqa: E402
import stress_support  # noqa: E402
from stress_support import REPOSITORY  # noqa: E402

from interpreters import Interpreter  # noqa: E402
from targets import start_target  # noqa: E402

KNOWN = r"""
import array, collections, gc, json, sys

class Plain: pass
class Slots: __slots__ = ("one", "two")
class Late: pass
class Named(collections.namedtuple("Named", "x y")): pass
class Final:
    def __del__(self): pass

def generate():
    local = ["in the generator"]
    yield local

plain = Plain(); plain.first = ["a"]; plain.second = ["b"]
late = Late(); late.__dict__["odd key"] = ["c"]; late.attribute = ["d"]
slots = Slots(); slots.one = ["e"]; slots.two = ["f"]
strings = {"key": ["g"], "other": ["h"]}
general = {1000001: ["i"], (2, 3): ["j"], "text": ["k"]}
numbers = [["l"], 1000002, ["m"]]
pair = (["n"], ["o"])
named = Named(["p"], ["q"]); named.extra = ["r"]
members = {"u%d" % i for i in range(40)}
queue = collections.deque([["s"]] * 3 + list(range(200)))
final = Final()
generator = generate(); next(generator)
sized = [[1] * 1000, list(range(3)), [], {}, {i: i for i in range(1000)}, {"a": 1}, set(), set(range(500)), "ascii",
         "\u00e9" * 10, "\u20ac" * 10, "\U0001f600" * 10, 10**100, 5, b"bytes" * 9, bytearray(5000), (1, 2, 3),
         frozenset(range(50)), 1.5, collections.deque(range(1000)), array.array("d", range(100)), range(10**20, 10**20 + 5)]

def reach(start):
    seen, todo, edges = {}, [start], {}
    while todo:
        o = todo.pop()
        if id(o) in seen or isinstance(o, (type, type(sys), type(reach))): continue
        seen[id(o)] = o
        found = gc.get_referents(o)
        edges[id(o)] = [id(x) for x in found]
        todo.extend(found)
    return edges

everything = [plain, late, slots, strings, general, numbers, pair, named, members, queue, final, sized]
key = next(k for k in strings if k == "key")
def ids(o): return [id(x) for x in o]
out = {
    "plain": [id(plain), id(sys.intern("first")), id(plain.first), id(sys.intern("second")), id(plain.second)],
    "late": [id(late.__dict__), id(late.__dict__["odd key"]), [id(k) for k in late.__dict__ if k == "odd key"][0], id(late)],
    "slots": [id(slots), id(slots.one), Slots.__dict__["one"].__get__ and 0, id(slots.two)],
    "strings": [id(strings), ids(strings.keys()), ids(strings.values())],
    "general": [id(general), ids(general.keys()), ids(general.values())],
    "numbers": [id(numbers), ids(numbers)],
    "pair": [id(pair), ids(pair)],
    "named": [id(named), ids(named), id(named.__dict__)],
    "members": [id(members), ids(members)],
    "queue": [id(queue), len(queue)],
    "final": id(final),
    "generator": [id(generator), id(generator.gi_frame.f_locals["local"])],
    "number": id(numbers[1]),
    "interned": id(sys.intern("first")),
    "sized": [[id(o), sys.getsizeof(o), type(o).__name__] for o in sized],
    "edges": reach(everything),
}
def wait():
    kept_by_frame = ["t"]
    out["frame"] = [id(wait.__code__), id(kept_by_frame)]
    print("READY " + json.dumps(out), flush=True)
    sys.stdin.readline()
wait()
"""


@pytest.fixture(scope="session")
def probe() -> Path:
    """From the newest build that has it."""
    built = sorted(REPOSITORY.glob("build/*/tests/capture_engine/capture_probe"), key=os.path.getmtime)
    if not built:
        pytest.skip("capture_probe is not built: ./dev build dev")
    return built[-1]


Look = Tuple[Dict[str, Any], Dict[int, stream.Node], List[stream.Group]]
_looks: Dict[str, Look] = {}


@pytest.fixture
def look(interpreter: Interpreter, probe: Path, tmp_path: Path) -> Look:
    """One look at KNOWN a interpreter: what it says of itself, and what the walker says."""
    if interpreter.tag not in _looks:
        with start_target(interpreter.exe, KNOWN) as target:
            known = json.loads(target.wait_ready())
            dump = tmp_path / "stream"
            result = stress_support.run_probe(probe, target.pid, "--dump", str(dump))
            assert result.ok, result.text
        _looks[interpreter.tag] = (known, *stream.read(dump))
    return _looks[interpreter.tag]


def labels(node: stream.Node) -> Dict[int, Tuple[int, int]]:
    """Kind and value of the label of each target."""
    return {edge.target: (edge.kind, edge.value) for edge in node.edges}


def test_no_object_and_no_edge_is_missing(look: Look) -> None:
    known, nodes, _ = look
    for text, referents in known["edges"].items():
        node = nodes[int(text)]
        missing = set(referents) - {edge.target for edge in node.edges}
        assert not missing, (text, missing)


def test_attributes_carry_the_key_of_their_name(look: Look) -> None:
    known, nodes, _ = look
    plain, first, first_value, second, second_value = known["plain"]
    found = labels(nodes[plain])
    if found.get(first_value) is None:  # the values moved to a dict of its own: that one has them
        dicts = [nodes[e.target] for e in nodes[plain].edges if e.kind == stream.BODY and first_value in labels(nodes[e.target])]
        assert len(dicts) == 1
        assert labels(dicts[0])[first_value] == (stream.VALUE, first)
    else:
        assert found[first_value] == (stream.ATTR, first)
        assert found[second_value] == (stream.ATTR, second)


def test_dict_values_carry_their_keys(look: Look) -> None:
    known, nodes, _ = look
    for name in ("strings", "general"):
        address, keys, values = known[name]
        found = labels(nodes[address])
        assert [found[value] for value in values] == [(stream.VALUE, key) for key in keys]
        assert all(found[key][0] == stream.KEY for key in keys)
    address, value, key, owner = known["late"]
    in_dict, in_owner = labels(nodes[address]).get(value), labels(nodes[owner]).get(value)
    # From 3.13 on the values of the dict may still lie in the instance, which reports them then.
    assert in_dict == (stream.VALUE, key) or in_owner == (stream.ATTR, key)


def test_sequences_carry_indexes(look: Look) -> None:
    known, nodes, _ = look
    for name in ("numbers", "pair", "named"):
        address, items = known[name][:2]
        found = labels(nodes[address])
        assert [found[item] for item in items] == [(stream.INDEX, i) for i in range(len(items))]
    assert labels(nodes[known["named"][0]])[known["named"][2]][0] == stream.BODY


def test_slots_carry_offsets_and_members_of_sets_no_name(look: Look) -> None:
    known, nodes, _ = look
    address, one, _, two = known["slots"]
    found = labels(nodes[address])
    assert found[one][0] == found[two][0] == stream.BODY
    assert found[two][1] - found[one][1] == 8
    address, members = known["members"]
    assert {labels(nodes[address])[member][0] for member in members} == {stream.NONE}


def test_frames_and_generators_carry_locals(look: Look, interpreter: Interpreter) -> None:
    known, nodes, groups = look
    code, kept = known["frame"]
    frames = [group for group in groups if group.kind == stream.GROUP_FRAME and group.extra == code]
    assert len(frames) == 1
    frame = frames[0]
    members = frame.edges if interpreter.version >= (3, 11) else nodes[frame.edges[0].target].edges
    assert (kept, stream.LOCAL, 0) in [(e.target, e.kind, e.value) for e in members]
    address, local = known["generator"]
    holder = nodes[address]
    if interpreter.version < (3, 11):
        holder = next(nodes[e.target] for e in holder.edges if local in labels(nodes[e.target]))
    assert labels(holder)[local] == (stream.LOCAL, 0)


def test_sizes_are_those_of_getsizeof(look: Look) -> None:
    known, nodes, _ = look
    wrong = []
    for address, size, name in known["sized"]:
        # A bytearray of 3.15 has its buffer in a bytes object, which is a node of its own.
        held = [nodes[edge.target] for edge in nodes[address].edges if edge.edge_class == stream.OMITTED and name == "bytearray"]
        if held:
            assert nodes[address].size + held[0].size >= size
        elif nodes[address].size != size:
            wrong.append((name, size, nodes[address].size))
    assert not wrong


def test_lengths_values_and_flags(look: Look, interpreter: Interpreter) -> None:
    known, nodes, _ = look
    assert nodes[known["queue"][0]].length == known["queue"][1]
    assert nodes[known["members"][0]].length == len(known["members"][1])
    assert nodes[known["number"]].value - (1 << 31) == 1000002
    assert nodes[known["final"]].flags & stream.FINALIZER
    assert not nodes[known["plain"][0]].flags & stream.FINALIZER
    assert nodes[known["plain"][0]].flags & stream.TRACKED
    assert nodes[known["interned"]].flags & stream.INTERNED


def test_blocks_are_no_more_than_the_size(look: Look) -> None:
    _, nodes, _ = look
    for node in nodes.values():
        assert sum(size for address, size in node.blocks if address) <= node.size


def test_a_traverse_that_misbehaves_costs_its_own_objects_only(interpreter: Interpreter, probe: Path, tmp_path: Path) -> None:
    source = Path(__file__).resolve().parent / "evil.c"
    include = subprocess.run([interpreter.exe, "-c", "import sysconfig; print(sysconfig.get_path('include'))"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    if not (Path(include) / "Python.h").exists():
        pytest.skip("no headers of Python %s" % interpreter.tag)
    free_threaded = ["-DPy_GIL_DISABLED"] if interpreter.free_threaded else []
    platform = "/usr/include/" + (sysconfig.get_config_var("MULTIARCH") or "")
    library = tmp_path / "evil.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", *free_threaded, "-I" + include, "-I" + platform, "-I" + str(Path(include).parent), str(source), "-o", str(library)], check=True)
    program = """
import sys
sys.path.insert(0, %r)
import evil
kept = [getattr(evil, "E%%d" %% i)(i) for i in range(15) for _ in range(3)]
good = [[i] for i in range(1000)]
print("READY %%d" %% id(good), flush=True)
while True: print(sys.stdin.readline().strip(), flush=True)
""" % str(tmp_path)
    with start_target(interpreter.exe, program) as target:
        good = int(target.wait_ready())
        dump = tmp_path / "stream"
        result = stress_support.run_probe(probe, target.pid, "--dump", str(dump))
        assert result.ok, result.text
        assert target.ask("still here") == "still here"
        assert target.ask("and again") == "and again"
    nodes, _ = stream.read(dump)
    faulted = [node for node in nodes.values() if node.flags & stream.IS_FAULTED]
    assert 10 <= len(faulted) <= 45
    assert nodes[good].length == 1000
    assert all(edge.target in nodes for edge in nodes[good].edges)
