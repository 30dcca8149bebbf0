"""Which line makes an edge of a cycle: the right line comes first."""

import pytest


def functions(project, *names, file="app.py"):
    import ast

    path = project.path(file)
    with open(path, encoding="utf-8") as f:
        tree = ast.parse(f.read())
    found = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name in names:
            line = min([node.lineno] + [d.lineno for d in node.decorator_list])
            found.append({"file": path, "line": line, "function": node.name})
    assert {f["function"] for f in found} == set(names)
    return found


# name: (from, edge, to, functions in the cycle, program)
EDGES = {
    "two nodes": (
        "app.Node",
        ".next",
        "app.Node",
        (),
        """
        class Node:
            def __init__(self):
                self.next = None
        def work():
            a = Node()
            b = Node()
            a.next = b  # HERE
            b.next = a  # HERE
    """,
    ),
    "child keeps its parent": (
        "app.Child",
        ".parent",
        "app.Parent",
        (),
        """
        class Child:
            def __init__(self, parent):
                self.name = "child"
                self.parent = parent  # HERE
        class Parent:
            def __init__(self):
                self.child = Child(self)
    """,
    ),
    "parent keeps its child": (
        "app.Parent",
        ".child",
        "app.Child",
        (),
        """
        class Child:
            def __init__(self, parent):
                self.parent = parent
        class Parent:
            def __init__(self):
                self.child = None
                self.child = Child(self)  # HERE
    """,
    ),
    "the other branch stores something else": (
        "app.Parent",
        ".child",
        "app.Child",
        (),
        """
        class Child:
            pass
        class Parent:
            def reset(self):
                self.child = {}
            def start(self):
                self.child = Child()  # HERE
    """,
    ),
    "a weak reference is not the edge": (
        "app.Child",
        ".parent",
        "app.Parent",
        (),
        """
        import weakref
        class Parent:
            pass
        class Child:
            def weak(self, parent):
                self.parent = weakref.ref(parent)
            def strong(self, parent):
                self.parent = parent  # HERE
    """,
    ),
    "setattr": (
        "app.Child",
        ".parent",
        "app.Parent",
        (),
        """
        class Parent:
            pass
        class Child:
            def attach(self, parent):
                setattr(self, "parent", parent)  # HERE
    """,
    ),
    "attribute of a base class": (
        "app.Child",
        ".parent",
        "app.Parent",
        (),
        """
        class Base:
            def __init__(self, parent):
                self.parent = parent  # HERE
        class Child(Base):
            pass
        class Parent:
            def __init__(self):
                self.child = Child(self)
    """,
    ),
    "list in itself": (
        "list",
        "[3]",
        "list",
        (),
        """
        def work():
            a = [1, 2, 3]
            a.append(a)  # HERE
    """,
    ),
    "dict in itself": (
        "dict",
        "['self']",
        "dict",
        (),
        """
        def work():
            d = {}
            d["self"] = d  # HERE
    """,
    ),
    "list in its own element": (
        "list",
        "[0]",
        "list",
        (),
        """
        def work():
            a = [[]]
            a[0].append(a)  # HERE
    """,
    ),
    "list in itself by another name": (
        "list",
        "[0]",
        "list",
        (),
        """
        def work():
            a = []
            b = a
            a.append(b)  # HERE
    """,
    ),
    "lists in each other": (
        "list",
        "[0]",
        "list",
        (),
        """
        def work():
            a, b = [], []
            a.append(b)  # HERE
            b.append(a)  # HERE
    """,
    ),
    "insert and display": (
        "list",
        "[0]",
        "list",
        (),
        """
        def work():
            a = []
            a.extend([1, a])  # HERE
    """,
    ),
    "function that names itself": (
        "cell",
        "->",
        "function",
        ("visit",),
        """
        def walk(tree):
            out = []
            def visit(node):  # HERE
                out.append(node)
                for child in node:
                    visit(child)
            visit(tree)
            return out
    """,
    ),
    "functions that name each other": (
        "function",
        ".__closure__",
        "tuple",
        ("even", "odd"),
        """
        def parity(n):
            def even(n):  # HERE
                return n == 0 or odd(n - 1)
            def odd(n):  # HERE
                return n != 0 and even(n - 1)
            return even(n)
    """,
    ),
    "closure over what keeps it": (
        "function",
        ".__closure__",
        "tuple",
        ("done",),
        """
        def watch(future):
            def done(_):  # HERE
                print(future)
            future.add_done_callback(done)
    """,
    ),
    "bound method on self": (
        "method",
        ".__self__",
        "app.Client",
        ("on_data",),
        """
        class Client:
            def __init__(self):
                self.name = ""
                self.handler = self.on_data  # HERE
            def on_data(self, data):
                return data
    """,
    ),
    "attribute that is a bound method": (
        "app.Client",
        ".handler",
        "method",
        (),
        """
        class Client:
            def __init__(self):
                self.handler = None
                self.handler = self.on_data  # HERE
            def on_data(self, data):
                return data
    """,
    ),
    "cache of a bound method": (
        "functools._lru_cache_wrapper",
        ".__wrapped__",
        "method",
        ("load",),
        """
        import functools
        class Client:
            def __init__(self):
                self.cache = functools.lru_cache(10)(self.load)  # HERE
            def load(self, key):
                return key
    """,
    ),
    "exception kept in a local": (
        "frame",
        ".err",
        "app.Failed",
        ("work",),
        """
        class Failed(Exception):
            pass
        def work():
            err = None
            try:
                raise Failed
            except Failed as e:
                err = e  # HERE
            return str(err)
    """,
    ),
    "exception of a local that is raised": (
        "app.FailedError",
        ".__traceback__",
        "traceback",
        ("work",),
        """
        class FailedError(Exception):
            pass
        def work(answer):
            response = parse(answer)
            if isinstance(response, FailedError):
                raise response  # HERE
            return response
        def parse(answer):
            return FailedError()
    """,
    ),
    "handler of the exception in a generator": (
        "LookupError",
        ".__traceback__",
        "traceback",
        ("work",),
        """
        def work(table):
            try:
                table["x"]
            except LookupError:  # HERE
                found = False
            yield found
    """,
    ),
    "exception on self": (
        "app.Task",
        ".error",
        "ValueError",
        ("run",),
        """
        class Task:
            def __init__(self):
                self.error = None
            def run(self):
                try:
                    int("x")
                except ValueError as e:
                    self.error = e  # HERE
    """,
    ),
    "frame in its own local": (
        "frame",
        ".here",
        "frame",
        ("work",),
        """
        import sys
        def work():
            here = sys._getframe()  # HERE
            return here.f_lineno
    """,
    ),
    "class made in a function": (
        "type",
        ".__mro__",
        "tuple",
        ("area",),
        """
        def make():
            class Shape:  # HERE
                def area(self):
                    return 0
            return Shape
    """,
    ),
    "class made by type()": (
        "type",
        ".__dict__",
        "getset_descriptor",
        (),
        """
        def make(name):
            return type(name, (), {})  # HERE
    """,
    ),
    "namedtuple in a function": (
        "type",
        ".__mro__",
        "tuple",
        (),
        """
        from collections import namedtuple
        def parse(columns):
            Row = namedtuple("Row", columns)  # HERE
            return Row
    """,
    ),
}


@pytest.mark.parametrize("name", EDGES)
def test_first_place(project, name):
    source, edge, target, members, text = EDGES[name]
    project.write("app.py", text)
    question = {"from": source, "edge": edge, "to": target, "functions": functions(project, *members)}
    places = project.places("edge", **question)
    assert places, project.notes
    marks = project.marks["HERE"]
    assert sorted(places[: len(marks)]) == sorted(marks)


def test_entry_of_a_known_attribute(project):
    project.write(
        "app.py",
        """
        class Handler:
            def __init__(self, owner):
                self.owner = owner
        class Owner:
            def __init__(self):
                self.handlers = []
            def add(self, name):
                self.handlers.append(Handler(self))  # HERE
        """,
    )
    via = {"from": "app.Owner", "edge": ".handlers"}
    places = project.places("edge", **{"from": "list", "edge": "[*]", "to": "app.Handler", "via": via, "functions": []})
    assert places == project.marks["HERE"]


def test_members_point_to_the_function(project):
    project.write(
        "app.py",
        """
        def first():
            a = []
            a.append(a)
        def second():
            b = []
            b.append(b)  # HERE
        """,
    )
    question = {"from": "list", "edge": "[0]", "to": "list", "functions": functions(project, "second")}
    assert project.places("edge", **question) == project.marks["HERE"]


def test_class_of_a_library_and_who_makes_it(project):
    project.write(
        "lib/python3.12/site-packages/doubles.py",
        """
        class Double:
            def __new__(cls):
                made = type(cls.__name__, (cls,), {})  # HERE
                return object.__new__(made)
        """,
    )
    project.write("app.py", "from doubles import Double\ndef request():\n    return Double()  # THERE\n")
    question = {"from": "type", "edge": ".__mro__", "to": "tuple", "functions": [], "types": ["doubles.Double"]}
    assert project.places("edge", **question) == project.marks["HERE"] + project.marks["THERE"]


def test_without_a_match_the_function_of_the_cycle(project):
    project.write("app.py", "def work(source):  # HERE\n    for item in source:\n        yield item\n")
    question = {"from": "generator", "edge": "->", "to": "object", "functions": functions(project, "work")}
    assert project.places("edge", **question) == project.marks["HERE"]


def test_nothing_found_is_a_note(project):
    project.write("app.py", "x = 1\n")
    assert project.ask("edge", **{"from": "list", "edge": "[0]", "to": "list", "functions": []}) is None
    assert any("list [0] list" in note for note in project.notes)


def test_edges_of_one_cycle_explain_each_other(project):
    from unleak.source import answer

    path = project.write(
        "app.py",
        """
        class Handler:
            def __init__(self, owner):
                self.owner = owner  # THERE
        class Owner:
            def __init__(self):
                self.handlers = []
            def add(self, handler):
                self.handlers.append(handler)  # HERE
        """,
    )
    edges = [("app.Owner", ".handlers", "list"), ("list", "[*]", "app.Handler"), ("app.Handler", ".owner", "app.Owner")]
    questions = [
        {"id": "g0.edge%d" % k, "ask": "edge", "from": a, "edge": e, "to": b, "functions": []}
        for k, (a, e, b) in enumerate(edges)
    ]
    answers = answer({"main_file": path, "files": [path], "questions": questions})["answers"]
    assert [(p["file"], p["line"]) for p in answers["g0.edge1"]["places"]] == project.marks["HERE"]
    assert [(p["file"], p["line"]) for p in answers["g0.edge2"]["places"]] == project.marks["THERE"]


def test_what_native_code_ties_together_is_told_by_the_calls_into_it(project):
    project.write(
        "app.py",
        """\
        import ctypes

        Samples = ctypes.c_int * 1024

        def step():
            samples = Samples()
            ctypes.cast(samples, None)  # HERE

        def other():
            print(ctypes)
        """,
    )
    name = "app.c_int_Array_1024"
    found = project.places(
        "edge", **{"from": name, "edge": "._objects", "to": "dict", "functions": [], "bases": {name: ["_ctypes.Array"]}}
    )
    assert found[0] == project.marks["HERE"][0]


def test_a_class_that_a_library_makes_is_told_where_the_program_leads_there(project):
    project.write(
        "lib/python3.12/site-packages/maker.py",
        """\
        def make(name):
            return type(name, (), {})  # HERE

        def unused(name):
            return type(name, (), {})
        """,
    )
    project.write(
        "app.py",
        """\
        import maker

        def step():
            maker.make("x")  # THERE
        """,
    )
    found = project.places("edge", **{"from": "tuple", "edge": "[*]", "to": "type", "functions": []})
    assert found[:2] == [project.marks["HERE"][0], project.marks["THERE"][0]]


def test_native_object_in_a_dict_is_tied_by_a_call_into_its_package(project):
    project.write(
        "lib/python3.12/ring.py", "def make():\n    root = []\n    root[:] = [root, root, None]\n    return root\n"
    )
    project.write("lib/python3.12/site-packages/fibre/__init__.py", "from ._fibre import fibre\n")
    project.write("app.py", "import ring\nimport fibre\ndef work(body):\n    return fibre.fibre(body)  # HERE\n")
    edge = {"from": "dict", "edge": "['_current']", "to": "fibre.fibre", "bases": {"fibre.fibre": ["object"]}}
    assert project.places("edge", **edge)[0] in project.marks["HERE"]
