"""References have the names that the program gives them, and nothing of its values is kept."""

import json
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.fixture
def seen(interpreter, target, look):
    """(addresses by name, snapshot) of labels_target.py."""
    process = target(interpreter.exe, "labels_target.py")
    return json.loads(process.first_line), look(process.pid)


def attributes(snapshot, address):
    """Attributes of an instance, wherever this version keeps them."""
    labels = snapshot.labels(address)
    return {**labels, **(snapshot.labels(labels["__dict__"]) if "__dict__" in labels else {})}


def test_names_of_references(seen) -> None:
    at, snapshot = seen
    module = snapshot.labels(at["globals"])
    for name in ("TABLE", "SLOTS", "PLAIN", "INNER"):
        assert module[name] == at[name]
    assert snapshot.labels(at["SLOTS"])["left"] == at["left"]
    assert attributes(snapshot, at["PLAIN"])["partner"] == at["partner"]
    assert attributes(snapshot, at["OLD"])["late"] == at["late"]
    assert snapshot.labels(at["cell"])["cell_contents"] == at["captured"]
    assert snapshot.labels(at["INNER"]).keys() >= {"__closure__", "__defaults__", "__globals__", "__code__"}
    assert snapshot.labels(at["GENERATOR"]).get("variable") == at["VARIABLE"] or "gi_frame" in snapshot.labels(at["GENERATOR"])
    assert snapshot.labels(at["plain_class"])["__dict__"]
    assert [root.name for root in snapshot.roots() if root.kind == "interpreter"].count("sys.modules") == 1


def test_keys_are_names_only_where_they_are_identifiers(seen) -> None:
    at, snapshot = seen
    labels = snapshot.labels(at["TABLE"])
    assert labels["plain_key"] == at["plain_key"] and labels[at["secret"]] == at["secret_value"]
    numbered = [edge for edge in snapshot.edges(at["TABLE"]) if edge.target == at["number"]]
    assert [edge.kind for edge in numbered] == ["key-node"]
    assert not [text for text in snapshot.strings if "no identifier" in text or text.startswith("token4")]


def test_ints_of_attributes_defaults_and_cells(seen) -> None:
    at, snapshot = seen
    values = {name: snapshot.ints().get(at[name]) for name in ("limit", "counted", "maximum", "bound")}
    assert values == {"limit": 123456, "counted": 4242, "maximum": 999, "bound": 777}


def test_types_have_their_module(seen) -> None:
    at, snapshot = seen
    assert snapshot.type_name(at["PLAIN"]) == "__main__.Plain"
    assert snapshot.type_name(at["TABLE"]) == "dict"
    assert snapshot.type_name(at["THREAD"]) == "threading.Thread"
    assert snapshot.labels(at["plain_class"]) and snapshot.type_name(at["plain_class"]) == "type"


def test_threads_and_frames(seen) -> None:
    at, snapshot = seen
    threads = snapshot.threads()
    assert {thread["ident"] for thread in threads} == {at["ident"], at["thread_ident"]}
    main = next(i for i, thread in enumerate(threads) if thread["ident"] == at["ident"])
    assert threads[main]["native_id"] == at["pid"]
    assert all(thread["native_id"] and thread["name"] for thread in threads)
    source = (HERE / "labels_target.py").read_text().splitlines()
    frames = [frame for frame in snapshot.frames() if frame["thread"] == main]
    assert [frame["code"]["qualname"] for frame in frames] == ["main", "<module>"]
    assert [frame["depth"] for frame in frames] == [0, 1]
    assert "the main thread waits here" in source[frames[0]["line"] - 1]
    assert source[frames[1]["line"] - 1] == "main()"
    assert frames[0]["code"]["file"] == str(HERE / "labels_target.py")
    assert source[frames[0]["code"]["first_line"] - 1] == "def main():"


def test_locals_of_running_frames_are_roots(seen, interpreter) -> None:
    at, snapshot = seen
    roots = [root for root in snapshot.roots() if root.kind == "frame"]
    if interpreter.version >= (3, 11):
        assert [root.name for root in roots if root.target == at["local"]] == ["local"]
        assert {root.name for root in roots if root.target == at["PLAIN"]} >= {"handed"}
        return
    holders = [root.target for root in roots if snapshot.type_name(root.target) == "frame"]
    assert at["local"] in [snapshot.labels(frame).get("local") for frame in holders]
