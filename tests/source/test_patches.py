"""Patches: what a diff changes, and where none is offered."""

import pytest


def patch(project, action, ask="stored", **question):
    found = project.ask(ask, **question)
    diffs = [p["patches"][action] for p in found["places"] if action in p.get("patches", {})]
    if not diffs:
        return None
    return [line for line in diffs[0].splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def test_a_method_cache_gets_a_bound(project, holder):
    project.write(
        "app.py",
        """\
        from functools import lru_cache

        class Reader:
            @lru_cache(maxsize=None)
            def read(self, n):
                return n
        """,
    )
    where = holder("class-attribute", "read", "functools._lru_cache_wrapper", cls="Reader")
    assert patch(project, "bound", holder=where) == ["-    @lru_cache(maxsize=None)", "+    @lru_cache(maxsize=1024)"]


def test_functools_cache_becomes_one_with_a_bound(project, holder):
    project.write("app.py", "import functools\n\n@functools.cache\ndef read(n):\n    return n\n")
    where = holder("module-global", "read", "functools._lru_cache_wrapper")
    assert patch(project, "bound", holder=where) == ["-@functools.cache", "+@functools.lru_cache(maxsize=1024)"]


def test_a_cache_of_somebody_else_is_left_alone(project, holder):
    project.write("app.py", "from mine import lru_cache\n\n@lru_cache(maxsize=None)\ndef read(n):\n    return n\n")
    where = holder("module-global", "read", "functools._lru_cache_wrapper")
    assert patch(project, "bound", holder=where) is None


STORED = """\
FAILURES = []

def work(job):
    try:
        job()
    except ValueError as error:
        FAILURES.append(%s)
"""


def test_an_exception_is_stored_without_its_frames(project, holder):
    project.write("app.py", STORED % "(job, error)")
    where = holder("module-global", "FAILURES", "list")
    assert patch(project, "clear-traceback", holder=where) == [
        "-        FAILURES.append((job, error))",
        "+        FAILURES.append((job, error.with_traceback(None)))",
    ]


def test_what_is_no_caught_exception_is_stored_as_it_is(project, holder):
    project.write("app.py", STORED % "job")
    assert patch(project, "clear-traceback", holder=holder("module-global", "FAILURES", "list")) is None


TREE = """\
'''A tree.'''
import sys%s

class Node:
    def __init__(self, parent):
        # größer
        self.parent = parent
"""


def test_a_reference_is_made_weak_with_its_import(project):
    project.write("app.py", TREE % "")
    question = {"from": "app.Node", "edge": ".parent", "to": "app.Node", "functions": []}
    assert patch(project, "weakref", ask="edge", **question) == [
        "+import weakref",
        "-        self.parent = parent",
        "+        self.parent = weakref.proxy(parent)",
    ]


def test_an_import_that_is_there_is_used(project):
    project.write("app.py", TREE % ", weakref")
    question = {"from": "app.Node", "edge": ".parent", "to": "app.Node", "functions": []}
    assert patch(project, "weakref", ask="edge", **question)[0].startswith("-        self.parent")


def test_of_a_line_with_several_statements_the_one_that_is_asked_about_is_changed(project):
    project.write("app.py", "class Node:\n    def __init__(self, n, up): self.n = n; self.up = up\n")
    question = {"from": "app.Node", "edge": ".up", "to": "app.Node", "functions": []}
    assert patch(project, "weakref", ask="edge", **question)[-1].endswith(": self.n = n; self.up = weakref.proxy(up)")


def test_what_is_no_plain_name_is_not_made_weak(project):
    project.write("app.py", "class Node:\n    def __init__(self, n): self.n = n; self.me = self if n else None\n")
    question = {"from": "app.Node", "edge": ".me", "to": "app.Node", "functions": []}
    assert patch(project, "weakref", ask="edge", **question) is None


@pytest.mark.parametrize(
    "parameter", ["parent=None", "parent: 'Node | None'", "*, parent=None", "parent: Optional[object]"]
)
def test_none_stays_none(project, parameter):
    project.write("app.py", TREE.replace("parent):", parameter + "):") % "")
    question = {"from": "app.Node", "edge": ".parent", "to": "app.Node", "functions": []}
    changed = "+        self.parent = weakref.proxy(parent) if parent is not None else None"
    assert patch(project, "weakref", ask="edge", **question)[-1] == changed


def test_of_two_statements_that_a_change_fits_none_is_changed(project, holder):
    project.write("app.py", STORED % "error); FAILURES.append(error")
    assert patch(project, "clear-traceback", holder=holder("module-global", "FAILURES", "list")) is None


def test_lines_of_libraries_get_no_patch(project, holder):
    project.write("lib/python3.12/site-packages/pkg.py", STORED % "error")
    project.write("app.py", "import pkg\npkg.work(print)\n")
    found = project.ask("stored", holder=holder("module-global", "FAILURES", "list", module="pkg"))
    assert found["places"] and not any("patches" in p for p in found["places"])


READ = """\
def main():
    with open("big.txt") as f:
        for line in f.readlines():
            print(line%s)
"""


def test_lines_are_read_one_by_one(project):
    path = project.write("app.py", READ % "")
    question = {"file": path, "line": 3, "function": "main", "name": "", "type": "list"}
    found = patch(project, "stream", ask="bulk", **question)
    assert found == ["-        for line in f.readlines():", "+        for line in f:"]


def test_a_file_that_the_loop_uses_is_read_before(project):
    path = project.write("app.py", READ % ", f.tell()")
    assert patch(project, "stream", ask="bulk", file=path, line=3, function="main", name="", type="list") is None
