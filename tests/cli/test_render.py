"""The text form against golden files (`./dev golden` writes them anew), and what a hostile name may do to it."""
import json
from pathlib import Path

import pytest

from unleak.cli.output import encodable
from unleak.cli.render import render
from unleak.cli.text import WIDTH, printable, size

HERE = Path(__file__).resolve().parent
DOCUMENTS = sorted((HERE / "documents").glob("*.json"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.stem)
def test_text_is_as_agreed(path, golden):
    text = render(json.loads(path.read_text()))
    golden("cli/%s.txt" % path.stem, text)
    assert max(map(len, text.splitlines())) <= WIDTH


def load(name):
    return json.loads((HERE / "documents" / (name + ".json")).read_text())


def test_colours_only_when_asked():
    assert "\x1b" not in render(load("leak"))
    assert "\x1b[1;31mLEAK\x1b[0m" in render(load("leak"), color=True)


def test_names_of_a_target_cannot_steer_the_terminal():
    document = load("leak")
    evil = "\x1b]0;owned\x07\n\u202eLEAK"
    finding = document["findings"][0]
    finding["title"] = finding["holder"]["root"] = finding["what"][0]["type"] = evil
    finding["sites"]["stored"][0]["file"] = finding["remedy"]["text"] = evil
    document["notes"] = [evil]
    text = render(document)
    assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text
    assert "\\x1b]0;owned" in text


def test_a_name_without_end_is_cut():
    document = load("leak")
    document["findings"][0]["holder"]["root"] = "x" * 10_000_000
    assert len(render(document)) < 10_000


def test_every_nullable_part_may_be_null():
    document = load("leak")
    document["findings"][0].update(holder=None, bound=None, cycle=None, peak=None, evidence=None, remedy=None, score=None, what=[])
    document["findings"][0]["sites"] = {"stored": [{"file": None, "line": None, "function": None}]}
    document.update(memory=None, floor=None, uncovered=None)
    assert "confirmed" in render(document)


@pytest.mark.parametrize("count, text", [(0, "0 B"), (1023, "1023 B"), (61 << 10, "61 KiB"), (22963994, "21.9 MiB"),
                                         (212 << 20, "212 MiB"), (1 << 30, "1 GiB"), (5 << 50, "5120 TiB"), (-2048, "-2 KiB")])
def test_sizes(count, text):
    assert size(count) == text


def test_printable_leaves_other_scripts_alone():
    assert printable("модуль.名前") == "модуль.名前"
    assert printable("a\tb\ud800") == "a\\tb\\ud800"


def test_a_terminal_without_unicode_gets_ascii():
    class Ascii:
        encoding = "ascii"
    assert encodable("a → b · ü", Ascii()) == "a -> b | \\xfc"


def test_files_are_named_as_seen_from_the_working_folder_or_by_their_package():
    document = load("leak")
    finding = document["findings"][0]
    finding["sites"]["stored"] = [{"file": "/srv/shop/app.py", "line": 3}, {"file": "/env/lib/python3.12/site-packages/lib/a.py", "line": 4}]
    finding["remedy"].update(text="bound it (/env/lib/python3.12/site-packages/lib/a.py:4)", at=None)
    text = render(document, folder="/srv/shop")
    assert "stored   app.py:3" in text and "\n           lib/a.py:4" in text and "bound it (lib/a.py:4)" in text
    assert "/srv/shop/app.py:3" in render(document)
