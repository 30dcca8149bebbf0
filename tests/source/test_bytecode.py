"""The bytecode fallback: decoding, on every interpreter, and the lines it names where the source is not what runs."""

import json
import subprocess
import sys
from pathlib import Path

import interpreters
import pytest

from unleak.source import answer, bytecode

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """\
import threading, time

ACTIVE = {}
LOG = []

class Cache:
    def __init__(self, owner):
        self.entries = []
        self.owner = owner

    def put(self, value):
        entries = self.entries
        entries.append(
            value)

    def expire(self):
        while len(self.entries) > 10 and time.monotonic():
            self.entries.pop(0)

def remember(token, session=None):
    if token not in ACTIVE:
        ACTIVE[token] = session
    return ACTIVE.get(token)

def forget(token):
    del ACTIVE[token]

def log(text):
    global LOG
    LOG += [text]

def maker():
    kept = set()
    def keep(x):
        kept.add(x)
    return keep
"""
# Prints the program's code objects as questions carry them, with what `dis` says of the names that they use.
DUMP = """
import dis, json, sys, types
text, path = sys.stdin.read(), sys.argv[1]
found, todo = [], [compile(text, path, "exec")]
new = sys.version_info >= (3, 11)
for code in todo:
    todo += [c for c in code.co_consts if isinstance(c, types.CodeType)]
    cells = [v for v in code.co_cellvars if not (new and v in code.co_varnames)]
    names = []
    for i in dis.get_instructions(code):
        if i.opname.startswith(("LOAD_", "STORE_", "DELETE_")) and not i.opname.startswith(("LOAD_CONST", "LOAD_SMALL", "LOAD_COMMON")):
            names += i.argval if isinstance(i.argval, tuple) else [i.argval] if isinstance(i.argval, str) else []
    found.append({"file": path, "name": code.co_name, "qualname": getattr(code, "co_qualname", code.co_name),
                  "first_line": code.co_firstlineno, "instructions": code.co_code.hex(),
                  "lines": (code.co_linetable if sys.version_info >= (3, 10) else code.co_lnotab).hex(),
                  "names": list(code.co_names), "locals": list(code.co_varnames) + cells + list(code.co_freevars),
                  "fast": len(code.co_varnames), "expected": names})
print(json.dumps({"python": sys.version.split()[0], "bytecode": found}))
"""


def pytest_generate_tests(metafunc):
    if "python" in metafunc.fixturenames:
        found = [i for i in interpreters.interpreters() if not i.free_threaded]
        metafunc.parametrize("python", found, ids=lambda i: i.tag)


def compiled(python, path="/gone/app.py", text=PROGRAM):
    done = subprocess.run([python.exe, "-I", "-c", DUMP, path], input=text, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def ask(page, ask, **question):
    page = {
        **page,
        "main_file": "/gone/app.py",
        "files": ["/gone/app.py"],
        "questions": [dict(question, id="q", ask=ask)],
    }
    found = answer(page)
    return found["answers"].get("q"), found["notes"]


def lines(page, kind, **question):
    found, _ = ask(page, kind, **question)
    return [(p["line"], p["operation"], p["from"]) for p in found["places"]] if found else []


def holder(kind, name, container, cls="", function="", inner=()):
    return {
        "kind": kind,
        "module": "app",
        "class": cls,
        "function": function,
        "name": name,
        "inner": list(inner),
        "container": container,
    }


def test_names_are_those_that_dis_sees(python):
    page = compiled(python)
    for code, body in zip(bytecode.codes(page), page["bytecode"]):
        assert [e.name for part in code.statements for e in part if e.name] == body["expected"], code.qualname


def test_the_table_is_what_the_interpreter_says(python):
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "opcodes.py"), "--check", python.exe], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_global_and_its_removers(python):
    page = compiled(python)
    where = holder("module-global", "ACTIVE", "dict")
    assert lines(page, "stored", holder=where)[0] == (22, "setitem", "bytecode")
    assert lines(page, "removed", holder=where) == [(26, "del", "bytecode")]


def test_an_attribute_through_an_alias_over_two_lines(python):
    page = compiled(python)
    where = holder("instance-attribute", "entries", "list", cls="Cache")
    assert lines(page, "stored", holder=where)[0] == (13, "append", "bytecode")
    removed, _ = ask(page, "removed", holder=where)
    assert [(p["line"], p["reads_clock"], p["bounded"]) for p in removed["places"]] == [(18, True, True)]


def test_a_bound_is_seen_but_not_its_value(python):
    found, _ = ask(compiled(python), "bound", holder=holder("instance-attribute", "entries", "list", cls="Cache"))
    assert (found["how"], found["value_known"], found["literal"], found["place"]["line"]) == ("evicts", False, None, 17)


def test_a_closure_variable(python):
    page = compiled(python)
    where = holder("closure-variable", "kept", "set", function="maker.<locals>.keep")
    assert lines(page, "stored", holder=where)[0] == (35, "add", "bytecode")


def test_a_global_that_is_extended(python):
    assert lines(compiled(python), "stored", holder=holder("module-global", "LOG", "list"))[0][:2] == (30, "extend")


def test_an_edge_of_a_cycle(python):
    found = lines(
        compiled(python), "edge", **{"from": "app.Cache", "edge": ".owner", "to": "app.Owner", "functions": []}
    )
    assert found == [(9, "assign", "bytecode")]


@pytest.fixture(scope="module")
def any_python():
    return next(i for i in interpreters.interpreters() if not i.free_threaded)


def test_a_file_that_was_edited_is_not_believed(any_python, tmp_path):
    path = tmp_path / "app.py"
    page = compiled(any_python, str(path))
    path.write_text("# one line more\n" + PROGRAM)
    found = answer(
        {
            **page,
            "main_file": str(path),
            "files": [str(path)],
            "started": 1.0,
            "questions": [{"id": "q", "ask": "stored", "holder": holder("module-global", "ACTIVE", "dict")}],
        }
    )
    assert found["answers"]["q"]["places"][0]["line"] == 22
    assert any("is not what runs" in note for note in found["notes"])


def test_a_file_that_was_only_touched_is_read(any_python, tmp_path):
    path = tmp_path / "app.py"
    page = compiled(any_python, str(path))
    path.write_text(PROGRAM)
    found = answer(
        {
            **page,
            "main_file": str(path),
            "files": [str(path)],
            "started": 1.0,
            "questions": [{"id": "q", "ask": "stored", "holder": holder("module-global", "ACTIVE", "dict")}],
        }
    )
    assert found["answers"]["q"]["places"][0]["from"] == "source"
    assert not any("changed" in note for note in found["notes"])


@pytest.mark.parametrize(
    "change",
    [
        {"instructions": "zz"},
        {"instructions": "ff" * 99},
        {"lines": "ff" * 99},
        {"lines": ""},
        {"names": 3, "locals": None},
        {"instructions": None, "first_line": "x"},
        {"fast": 1 << 70},
    ],
)
def test_hostile_bodies_answer_nothing_or_something(any_python, change):
    page = compiled(any_python)
    page["bytecode"] = [{**body, **change} for body in page["bytecode"]] + [7, None]
    ask(page, "stored", holder=holder("module-global", "ACTIVE", "dict"))
