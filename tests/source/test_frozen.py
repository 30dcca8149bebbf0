"""Modules that are built into the interpreter: their code names no file, their source lies in the standard library."""

import textwrap

from unleak.source import answer

FINDERS = """
import sys
def _finder_of(path):
    try:
        return sys.path_importer_cache[path]
    except KeyError:
        finder = make(path)
        sys.path_importer_cache[path] = finder
        return finder
"""
PROGRAM = """
import sys
def main():
    while True:
        sys.stdout.write("tick")
        import plugin
"""


def places_of(tmp_path, files):
    asked = {
        "id": "q",
        "ask": "stored",
        "holder": {
            "kind": "module-global",
            "module": "sys",
            "class": "",
            "function": "",
            "name": "path_importer_cache",
            "inner": [],
            "container": "dict",
        },
        "element_types": ["_frozen_importlib_external.FileFinder"],
    }
    found = answer({"main_file": str(tmp_path / "app.py"), "files": files, "questions": [asked]})
    return [(p["file"], p["line"]) for p in found["answers"].get("q", {}).get("places", [])]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).lstrip())
    return str(path)


def test_the_source_of_a_frozen_module_is_that_of_the_standard_library(tmp_path):
    app = write(tmp_path / "app.py", PROGRAM)
    home = tmp_path / "lib" / "python3.12"
    other = write(home / "textwrap.py", "def fill(text):\n    return text\n")
    finders = write(home / "importlib" / "_external.py", FINDERS)
    places = places_of(tmp_path, [app, other, "<frozen importlib._external>", "<frozen os>", "<string>"])
    assert places[0] == (finders, 7)
    assert (app, 4) not in places


def test_what_hangs_on_sys_is_of_other_modules(tmp_path):
    app = write(tmp_path / "app.py", PROGRAM)
    assert (app, 4) not in places_of(tmp_path, [app])


def test_a_frozen_name_that_leads_elsewhere_is_no_module(tmp_path):
    app = write(tmp_path / "app.py", PROGRAM)
    other = write(tmp_path / "lib" / "python3.12" / "textwrap.py", "X = 1\n")
    write(tmp_path / "lib" / "secret.py", FINDERS)
    assert places_of(tmp_path, [app, other, "<frozen ../secret>", "<frozen ...secret>"]) == []
