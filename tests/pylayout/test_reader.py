"""The reader against two references: what the interpreter itself reports, and the walker on the same clone.

What an object's traverse reports is told by the layout where it is known, else by interpreting the traverse's code; both
are compared. The one exception: a traverse that the interpreter cannot follow, which the reader names in a note.
"""

import array
import collections
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Callable, Counter, Dict, Iterator, List, NamedTuple, Set, Tuple

import pytest

from interpreters import Interpreter
from targets import Target, start_target

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TRAVERSE = 0

# Types of the list whose members must be known wherever they exist, by tp_name.
MUST_KNOW = {
    "dict",
    "list",
    "tuple",
    "set",
    "frozenset",
    "collections.deque",
    "collections.OrderedDict",
    "collections.defaultdict",
    "cell",
    "function",
    "method",
    "builtin_function_or_method",
    "generator",
    "coroutine",
    "async_generator",
    "traceback",
    "KeyError",
    "type",
    "property",
    "classmethod",
    "staticmethod",
    "method_descriptor",
    "mappingproxy",
    "memoryview",
    "managedbuffer",
    "functools.partial",
    "functools._lru_cache_wrapper",
    "hamt",
    "hamt_bitmap_node",
    "_asyncio.Task",
    "_asyncio.Future",
    "types.SimpleNamespace",
    "_thread._local",
    "_queue.SimpleQueue",
    "_io.TextIOWrapper",
    "_io.BufferedReader",
    "frame",
    "os.stat_result",
    "xml.etree.ElementTree.Element",
    "Plain",
    "SlotsAndDict",
    "SubDict",
    "SubTuple",
    "Record",
}


class ReadNode(NamedTuple):
    type: str
    known: bool
    edges: List[Tuple[int, int, int]]  # class, target, label


def program(name: str) -> str:
    """A program of tests/pylayout/CMakeLists.txt, from the newest build that has it."""
    built = sorted(ROOT.glob(f"build/*/tests/pylayout/{name}"), key=os.path.getmtime)
    if not built:
        pytest.skip(f"{name} is not built: ./dev build dev")
    return str(built[-1])


@pytest.fixture(scope="module")
def rich_target(
    interpreter: Interpreter, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tuple[Target, Path, Set[int]]]:
    """A waiting target, the file with what its objects' traverses report, and the objects that go on changing."""
    reference = tmp_path_factory.mktemp("reader") / "reference"
    with start_target(interpreter.exe, HERE / "rich_target.py", [str(reference)]) as target:
        ready = target.wait_ready()
        yield target, reference, set(map(int, ready.split()))


def words_of(path: Path) -> "array.array[int]":
    words = array.array("Q")
    words.frombytes(path.read_bytes())
    return words


def reported(path: Path) -> Dict[int, Counter[int]]:
    words, found, i = words_of(path), {}, 0
    while i < len(words):
        count = words[i + 1]
        found[words[i]] = collections.Counter(words[i + 2 : i + 2 + count])
        i += 2 + count
    return found


def read(path: Path, type_name: Callable[[int], str]) -> Dict[int, ReadNode]:
    words, found, i = words_of(path), {}, 0
    while i < len(words):
        count = words[i + 4]
        edges = [tuple(words[i + 5 + 3 * n : i + 8 + 3 * n]) for n in range(count)]
        found[words[i]] = ReadNode(type_name(words[i + 1]), bool(words[i + 2]), edges)  # type: ignore[arg-type]
        i += 5 + 3 * count
    return found


def type_names(pid: int, free_threaded: bool) -> Callable[[int], str]:
    """Reads tp_name of type objects; it lies 8 bytes behind ob_size, which free-threaded builds have 16 bytes later."""
    place = 40 if free_threaded else 24
    known: Dict[int, str] = {}
    memory = open(f"/proc/{pid}/mem", "rb", 0)

    def at(address: int, size: int) -> bytes:
        return os.pread(memory.fileno(), size, address)

    def name(address: int) -> str:
        if address not in known:
            known[address] = at(int.from_bytes(at(address + place, 8), "little"), 80).split(b"\0")[0].decode()
        return known[address]

    return name


def hex_version(interpreter: Interpreter) -> str:
    major, minor = interpreter.version
    return "%x" % (major << 24 | minor << 16)


def run_reader(interpreter: Interpreter, pid: int, out: Path, *how: str) -> "subprocess.CompletedProcess[str]":
    command = [
        program("reader_dump"),
        str(pid),
        hex_version(interpreter),
        str(int(interpreter.free_threaded)),
        str(out),
        *how,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("how", ["layout", "code"])
def test_edges_are_those_that_traverse_reports(
    how: str, interpreter: Interpreter, rich_target: Tuple[Target, Path, Set[int]], tmp_path: Path
) -> None:
    target, reference, changing = rich_target
    done = run_reader(interpreter, target.pid, tmp_path / "heap", *([how] if how == "layout" else []))
    if interpreter.free_threaded and how == "layout":
        return  # its objects are listed by code
    assert done.returncode == 0, done.stderr
    assert " bad 0 " in done.stdout and done.stdout.rstrip().endswith("broken 0")
    heap = read(tmp_path / "heap", type_names(target.pid, interpreter.free_threaded))
    expected = reported(reference)
    missing = [hex(address) for address in expected if address not in heap and address not in changing]
    if how == "code":
        assert not missing, f"{len(missing)} objects were not found"
        unknown = {node.type for node in heap.values() if not node.known}
        assert not unknown, "types whose traverse could not be interpreted"
    wrong: Counter[str] = collections.Counter()
    for address, referents in expected.items():
        node = heap.get(address)
        if node is None or not node.known or address in changing:
            continue
        if collections.Counter(
            t for edge, t, _ in node.edges if edge == TRAVERSE
        ) != referents and not _is_interned_dict(node, referents):
            wrong[node.type] += 1
    assert not wrong


def _is_interned_dict(node: ReadNode, referents: Counter[int]) -> bool:
    """3.14+: the dict of interned str is tracked, but owns nothing; it is left out on purpose."""
    return node.type == "dict" and not node.edges and len(referents) > 1000


def test_types_that_must_be_known(
    interpreter: Interpreter, rich_target: Tuple[Target, Path, Set[int]], tmp_path: Path
) -> None:
    if interpreter.free_threaded:
        pytest.skip("rows of members are those of builds with a GIL; code tells the rest")
    target, _, _ = rich_target
    assert run_reader(interpreter, target.pid, tmp_path / "heap", "layout").returncode == 0
    heap = read(tmp_path / "heap", type_names(target.pid, interpreter.free_threaded))
    unknown = {node.type for node in heap.values() if not node.known}
    seen = {node.type for node in heap.values()}
    assert not unknown & MUST_KNOW
    assert not MUST_KNOW - seen, "rich_objects.py no longer makes these"


def test_walker_and_reader_agree_on_one_clone(
    interpreter: Interpreter, rich_target: Tuple[Target, Path, Set[int]]
) -> None:
    target, _, _ = rich_target
    done = subprocess.run([program("walker_and_reader"), str(target.pid)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    result: Dict[str, Any] = json.loads(done.stdout)
    assert not result["notes"], "types whose traverse could not be interpreted"
    assert result["known"] == result["nodes"] == result["reader_nodes"]
    assert not result["missing"], "objects that only the walker found"
    assert not result["extra"], "objects that only the reader found"
    assert result["groups"] == result["reader_groups"] and result["group_differences"] == 0
    differ = {
        name: d
        for name, d in result["types"].items()
        if d["edges"] or d["sizes"] or d["blocks"] or d["flags"] or d["counts"]
    }
    assert not differ


def test_wrong_table_is_refused_with_the_field(
    interpreter: Interpreter, rich_target: Tuple[Target, Path, Set[int]], tmp_path: Path
) -> None:
    target, _, _ = rich_target
    other = "3.13" if interpreter.tag != "3.13" else "3.12"
    wrong = Interpreter(other, interpreter.exe)
    done = run_reader(wrong, target.pid, tmp_path / "heap")
    assert done.returncode == 4
    assert f"layout of CPython {other} does not fit this process" in done.stderr
    assert "should be" in done.stderr
