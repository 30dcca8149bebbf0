"""Programs for the source answers are small texts; the line that is asked for ends in `# HERE`."""

import textwrap

import pytest


class Project:
    """Writes a program's files and asks one question about them."""

    def __init__(self, folder):
        self.folder = folder
        self.files = []
        self.marks = {}
        self.notes = []

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = textwrap.dedent(text)
        path.write_text(text, encoding="utf-8")
        self.files.append(str(path))
        for number, line in enumerate(text.splitlines(), 1):
            if "# HERE" in line or "# THERE" in line:
                self.marks.setdefault("HERE" if "# HERE" in line else "THERE", []).append((str(path), number))
        return str(path)

    def path(self, name):
        return str(self.folder / name)

    def ask(self, ask, main="app.py", **question):
        from unleak.source import answer

        document = {"main_file": self.path(main), "files": self.files, "questions": [dict(question, id="q", ask=ask)]}
        found = answer(document)
        self.notes = found["notes"]
        return found["answers"].get("q")

    def places(self, ask, main="app.py", **question):
        found = self.ask(ask, main, **question)
        return [(p["file"], p["line"]) for p in found["places"]] if found else []


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def holder(kind, name, container, module="app", cls="", function="", inner=()):
    return {
        "kind": kind,
        "module": module,
        "class": cls,
        "function": function,
        "name": name,
        "inner": list(inner),
        "container": container,
    }


@pytest.fixture(name="holder")
def holder_fixture():
    return holder
