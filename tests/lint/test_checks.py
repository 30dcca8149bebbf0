"""Each check of `./dev lint` finds a planted violation, and passes the same text where it is allowed."""

import subprocess
import sys
from pathlib import Path
from typing import Callable, List

import pytest

Lint = Callable[..., List[str]]

MACHINE_PATH = "/" + "home/somebody/x"
UNFINISHED = "TO" + "DO"


@pytest.fixture
def lint(tmp_path: Path, repository: Path) -> Lint:
    """lint("layers", {path: text}): what tools/check_layers.py prints for a repository of these files."""

    def run(check: str, files: dict) -> List[str]:
        rules = {"layers.toml": (repository / "layers.toml").read_text(), "dev": 'COMMANDS="build test"\n'}
        for path, text in {**rules, **files}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
        subprocess.run(["git", "-C", str(tmp_path), "add", "--all"], check=True)
        command = [sys.executable, str(repository / "tools" / ("check_%s.py" % check)), "--root", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.stderr == ""
        assert done.returncode == (1 if done.stdout else 0)
        return done.stdout.splitlines()

    return run


def test_include_of_a_higher_layer(lint: Lint) -> None:
    assert lint("layers", {"src/base/a.h": '#pragma once\n#include "graph/heap.h"\n'}) == [
        "src/base/a.h:2: base includes graph, which is above it"
    ]


def test_include_of_the_layer_beside(lint: Lint) -> None:
    assert lint("layers", {"src/elf/a.cc": '#include "snapshot/columns.h"\n'}) == [
        "src/elf/a.cc:1: elf includes snapshot, which is beside it"
    ]


def test_tests_may_make_heaps(lint: Lint) -> None:
    text = '#include "snapshot/columns.h"\n#include "tests/support/heap_text.h"\n#include "graph/heap.h"\n'
    assert lint("layers", {"src/elf/a_test.cc": text}) == ["src/elf/a_test.cc:3: elf includes graph, which is above it"]


def test_include_by_a_relative_path(lint: Lint) -> None:
    assert lint("layers", {"src/elf/a.cc": '#include "../base/status.h"\n'}) == [
        "src/elf/a.cc:1: includes by a relative path: write it from src/"
    ]


def test_folder_without_a_layer(lint: Lint) -> None:
    assert lint("layers", {"src/extra/a.cc": "int x;\n"}) == [
        "src/extra/a.cc: folder src/extra is in no layer of layers.toml"
    ]


def test_includes_of_lower_layers_and_of_the_system(lint: Lint) -> None:
    text = '#include <vector>\n#include "base/status.h"\n#include "graph/heap.h"\n#include "graph/other.h"\n'
    assert lint("layers", {"src/graph/a.cc": text}) == []


@pytest.mark.parametrize(
    "line",
    ["import unleak.cli.main", "from unleak.cli import main", "from unleak import cli", "from ..cli.main import main"],
)
def test_python_import_of_a_higher_layer(lint: Lint, line: str) -> None:
    text = "def late():\n    %s\n" % line
    assert lint("layers", {"python/unleak/source/a.py": text}) == [
        "python/unleak/source/a.py:2: source imports cli, which is above it"
    ]


def test_python_imports_that_go_down(lint: Lint) -> None:
    text = "import os\nimport unleak\nfrom unleak import __version__, source\nfrom . import text\nfrom ..source import answer\n"
    assert lint("layers", {"python/unleak/cli/a.py": text, "python/unleak/__main__.py": "import unleak.cli\n"}) == []


@pytest.mark.parametrize(
    "name", ["PyDictObject", "_PyRuntime", "PyThreadState", "PyInterpreterState", "tp_traverse", "ob_refcnt"]
)
def test_struct_of_cpython_above_the_capture(lint: Lint, name: str) -> None:
    text = '// %s may be spoken of.\n/* %s\n too */\nconst char* url = "x//y";\nauto x = %s;\n' % (name, name, name)
    assert lint("names", {"src/graph/a.cc": text, "src/pylayout/a.cc": text}) == [
        "src/graph/a.cc:5: names CPython's %s: only src/pylayout, src/walker, src/capture may" % name
    ]


def test_long_file(lint: Lint) -> None:
    table = {"src/pylayout/tables/v3_12.cc": "int x;\n" * 700}
    assert lint("files", {"src/base/a.cc": "int x;\n" * 601, "src/base/b.cc": "int x;\n" * 600, **table}) == [
        "src/base/a.cc: 601 lines; a file has at most 600"
    ]


def test_long_test(lint: Lint) -> None:
    assert lint("files", {"tests/test_a.py": "x = 1\n" * 901, "src/base/b_test.cc": "int x;\n" * 900}) == [
        "tests/test_a.py: 901 lines; a file has at most 900"
    ]


def test_long_python_function(lint: Lint) -> None:
    text = "def short():\n    pass\n\ndef long():\n" + "    pass\n" * 60
    assert lint("files", {"a.py": text}) == ["a.py:4: long has 61 lines; a function has at most 60"]


@pytest.mark.parametrize(
    "text", [MACHINE_PATH, '"%s"' % MACHINE_PATH, "see https://" + "pypi" + ".org/x", "# " + UNFINISHED]
)
def test_text_of_one_machine(lint: Lint, text: str) -> None:
    found = lint("files", {"docs/a.md": "fine\n%s\n" % text})
    assert len(found) == 1 and found[0].startswith("docs/a.md:2: ")


def test_paths_that_every_machine_has(lint: Lint) -> None:
    assert lint("files", {"docs/a.md": "/proc/1/root/x ~/.cache /usr/bin src/work/x $HOME/work/x /srv/app.py\n"}) == []


def test_dead_link_and_unknown_command(lint: Lint) -> None:
    text = "[here](../dev) [there](https://example.com) [up](#x)\n[gone](gone.md)\nrun `./dev build`, then `./dev destroy`\n"
    assert lint("docs", {"docs/a.md": text}) == [
        "docs/a.md:2: link to gone.md, which is not there",
        "docs/a.md:3: ./dev has no command destroy",
    ]
