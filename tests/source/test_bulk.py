"""Is what a variable holds read in one go, from what, and how would it be read in parts?"""

import pytest

# name: (operation, source, part of the suggestion, body of main())
READS = {
    "read and count newlines": (
        "read",
        "file",
        "for line in f",
        """
        with open(path) as f:
            data = f.read()  # HERE
        return data.count("\\n")
    """,
    ),
    "read and look for a word": (
        "read",
        "file",
        "f.read(1 << 20)",
        """
        f = open(path)
        data = f.read()  # HERE
        return data.find("word")
    """,
    ),
    "read without a name": (
        "read",
        "file",
        "read(1 << 20)",
        """
        data = open(path, "rb").read()  # HERE
        return hash(data)
    """,
    ),
    "lines": (
        "readlines",
        "file",
        "for line in f",
        """
        with open(path) as f:
            data = f.readlines()  # HERE
        for line in data:
            print(line)
    """,
    ),
    "split": (
        "read",
        "file",
        "for line in f",
        """
        with open(path) as f:
            data = f.read().splitlines()  # HERE
        for line in data:
            print(line)
    """,
    ),
    "list of a file": (
        "list",
        "file",
        "for line in f",
        """
        with open(path) as f:
            data = list(f)  # HERE
        return data
    """,
    ),
    "comprehension over a file": (
        "list",
        "file",
        "for line in f",
        """
        with open(path) as f:
            data = [line.strip() for line in f]  # HERE
        return data
    """,
    ),
    "read_text": (
        "read",
        "file",
        ".open(",
        """
        data = pathlib.Path(path).read_text()  # HERE
        return data.count("\\n")
    """,
    ),
    "json.load": (
        "load",
        "file",
        "record",
        """
        with open(path) as f:
            data = json.load(f)  # HERE
        for record in data:
            print(record)
    """,
    ),
    "json.loads of a read": (
        "loads",
        "file",
        "record",
        """
        with open(path) as f:
            data = json.loads(f.read())  # HERE
        for record in data:
            print(record)
    """,
    ),
    "pickle.load": (
        "load",
        "file",
        "",
        """
        with open(path, "rb") as f:
            data = pickle.load(f)  # HERE
        return data
    """,
    ),
    "rows of a query": (
        "fetchall",
        "query",
        "for row in cursor",
        """
        cursor = db.cursor()
        cursor.execute("select 1")
        data = cursor.fetchall()  # HERE
        return data
    """,
    ),
    "response": (
        "read",
        "socket",
        "response.read(1 << 20)",
        """
        response = urllib.request.urlopen(path)
        data = response.read()  # HERE
        return hash(data)
    """,
    ),
    "joined from a socket": (
        "join",
        "socket",
        "",
        """
        sock = socket.create_connection(path)
        parts = []
        while True:
            part = sock.recv(4096)
            if not part:
                break
            parts.append(sock.recv(4096))
        data = b"".join(parts)  # HERE
        return data
    """,
    ),
    "output of a child": (
        "read",
        "process",
        "stdout",
        """
        data = subprocess.check_output(["cat", path])  # HERE
        return data
    """,
    ),
    "output of a child that has ended": (
        "read",
        "process",
        "stdout",
        """
        data = subprocess.run(["cat", path], stdout=subprocess.PIPE).stdout  # HERE
        return data
    """,
    ),
    "output of a child by its result": (
        "read",
        "process",
        "stdout",
        """
        done = subprocess.run(["cat", path], capture_output=True)
        data = done.stdout  # HERE
        return data
    """,
    ),
    "output and errors of a child": (
        "read",
        "process",
        "stdout",
        """
        child = subprocess.Popen(["cat", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        data, errors = child.communicate()  # HERE
        return data
    """,
    ),
    "list of a generator": (
        "list",
        "unknown",
        "for item in numbers",
        """
        numbers = (n for n in range(10 ** 7))
        data = list(numbers)  # HERE
        return sum(data)
    """,
    ),
    "in a helper": (
        "read",
        "file",
        "",
        """
        data = load(path)  # HERE
        return data
    """,
    ),
}

HEAD = """
import json, pathlib, pickle, socket, subprocess, urllib.request
def load(path):
    with open(path) as f:
        content = f.read()
    return content
def main(path, db):
"""


def _program(project, body):
    import textwrap

    text = HEAD + textwrap.indent(textwrap.dedent(body), "    ")
    return project.write("app.py", text)


@pytest.mark.parametrize("name", READS)
def test_read_in_one_go(project, name):
    operation, source, chunked, body = READS[name]
    path = _program(project, body)
    line = project.marks["HERE"][0][1]
    found = project.ask("bulk", file=path, line=line, function="main", name="data", type="str")
    assert found is not None, project.notes
    assert (found["places"][0]["file"], found["places"][0]["line"]) == (path, line)
    assert (found["places"][0]["operation"], found["source"]) == (operation, source)
    assert found["streamable"] is True
    assert chunked in found["chunked"]


@pytest.mark.parametrize(
    "body",
    [
        "data = 'x' * 1000",
        "f = open(path)\ndata = f.read(100)",
        "data = {}.get(path)",
        "data = [1, 2, 3]",
        "data = json.loads('[]')",
        "data = subprocess.Popen(['cat', path], stdout=subprocess.PIPE).stdout",
        "data = asyncio.run(path)",
    ],
)
def test_not_read_in_one_go(project, body):
    path = _program(project, body + "\nreturn data\n")
    assert project.ask("bulk", file=path, line=0, function="main", name="data", type="str") is None
    assert project.notes


def test_the_assignment_before_the_line_counts(project):
    body = """
        with open(path) as f:
            data = f.readline()
            data = f.read()  # HERE
        print(len(data))
        data = None
    """
    path = _program(project, body)
    line = project.marks["HERE"][0][1]
    found = project.ask("bulk", file=path, line=line + 1, function="main", name="data", type="str")
    assert found["places"][0]["line"] == line


def test_value_without_a_variable(project):
    path = _program(project, "return len(open(path).read())  # HERE\n")
    line = project.marks["HERE"][0][1]
    found = project.ask("bulk", file=path, line=line, function="main", name="", type="str")
    assert found["places"][0]["line"] == line
    assert found["source"] == "file"


def test_the_file_holds_what_is_being_read(project):
    """Seen in the middle of a read, the bytes hang on the file of the with statement."""
    body = """
        with open(path) as f:
            data = f.read()  # HERE
        return data
    """
    path = _program(project, body)
    line = project.marks["HERE"][0][1]
    found = project.ask("bulk", file=path, line=line, function="main", name="f", type="bytes")
    assert found is not None, project.notes
    assert found["places"][0]["line"] == line and found["streamable"] is True


PIPELINE = """
def source(count):
    for number in range(count):
        yield number
def main(path):
    lines = [line for line in source(10)]
    parsed = [int(line) for line in lines]
    return %s
"""


@pytest.mark.parametrize(
    "name, end, streamable",
    [
        ("lines", "sum(x for x in parsed)", True),
        ("parsed", "sum(x for x in parsed)", True),
        ("parsed", "len(parsed) + sum(x for x in parsed)", False),
        ("parsed", "sum(x for x in parsed) + parsed[0]", False),
    ],
)
def test_stages_of_a_pipeline_are_streamable_if_they_are_only_looped_over(project, name, end, streamable):
    path = project.write("app.py", PIPELINE % end)
    found = project.ask("bulk", file=path, line=8, function="main", name=name, type="list")
    assert (found is not None and found["streamable"]) is streamable, project.notes
    if streamable:
        assert found["places"][0]["line"] == {"lines": 6, "parsed": 7}[name]


BEING_BUILT = """
def source(count):
    for number in range(count):
        yield number
def main(path):
    lines = [
        line.strip()
        for line in source(10)
    ]
    %s
"""


@pytest.mark.parametrize("name", ["main", "main.<locals>.<listcomp>"])
@pytest.mark.parametrize("end, streamable", [("return sum(int(x) for x in lines)", True), ("return lines", False)])
def test_a_list_that_is_being_built_is_the_variable_that_it_will_be(project, name, end, streamable):
    path = project.write("app.py", BEING_BUILT % end)
    found = project.ask("bulk", file=path, line=7, function=name, name="", type="list", slot=True)
    assert found is not None, project.notes
    assert (found["variable"], found["streamable"]) == ("lines", streamable)
    assert found["places"][0]["line"] == 6


SORTED = """
import random
def main(path):
    table = %s
    table.sort(key=lambda row: -row)
    return table
"""


@pytest.mark.parametrize("name", ["main", "main.<locals>.<lambda>"])
@pytest.mark.parametrize(
    "value, line, streamable", [("[random.random() for _ in range(9)]", 5, False), ("open(path).readlines()", 4, True)]
)
def test_what_a_sort_holds_for_a_moment_is_its_lists(project, name, value, line, streamable):
    path = project.write("app.py", SORTED % value)
    found = project.ask("bulk", file=path, line=5, function=name, name="", type="float", slot=True)
    assert found is not None, project.notes
    assert (found["variable"], found["streamable"]) == ("table", streamable)
    assert (found["places"][0]["line"], found["places"][0]["qualname"]) == (line, "main")
    other = project.ask("bulk", file=path, line=6, function="main", name="", type="float", slot=True)
    assert other is None or "variable" not in other


def test_what_a_comprehension_works_on_is_not_its_list(project):
    path = project.write(
        "app.py", "def main(paths):\n    found = [len(open(p).read()) for p in paths]\n    return found\n"
    )
    found = project.ask("bulk", file=path, line=2, function="main", name="", type="str", slot=True)
    assert found is not None and "variable" not in found
    assert found["places"][0]["operation"] == "read"


def test_a_list_for_one_call_that_takes_its_items_once(project):
    text = "def numbers():\n    yield 1\ndef main():\n    return %s([n * 2 for n in numbers()])\n"
    for call, streamable in (("sum", True), ("shuffled", None)):
        path = project.write("app.py", text % call)
        found = project.ask("bulk", file=path, line=4, function="main", name="", type="list", slot=True)
        assert (found and found["streamable"]) is streamable


COLLECTED = """
def main(count):
    results = []
    size = 0
    for number in range(count):
        results.append(convert(number))
        size += len(results[-1].image)
    return %s
"""


@pytest.mark.parametrize("end, streamable", [("size", True), ("size + len(results)", True), ("results", None)])
@pytest.mark.parametrize("extra", ["", "\n    print(results[0])", "\n    def later(): return list(results)"])
def test_a_list_that_is_never_read_again_need_not_be_kept(project, end, streamable, extra):
    text = COLLECTED.replace("    return", extra.lstrip("\n") + "\n    return") % end
    path = project.write("app.py", text)
    found = project.ask("bulk", file=path, line=6, function="main", name="results", type="list")
    assert (found and found["streamable"]) is (None if extra else streamable), project.notes
    if found:
        assert (found["places"][0]["line"], found["places"][0]["operation"]) == (6, "append")
        assert "last item" in found["chunked"]
