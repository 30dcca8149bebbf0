"""Files of a target: opened under its root only, regular files of a bounded size only."""

import json
import os
import subprocess
import sys

import pytest

PYTHON = os.path.join(os.path.dirname(__file__), "..", "..", "python")


@pytest.fixture(params=["openat2", "walk"])
def reader(request, tmp_path, monkeypatch):
    from unleak.source import files

    if request.param == "walk":
        monkeypatch.setattr(files, "_OPENAT2", None)
    root = tmp_path / "root"
    (root / "srv").mkdir(parents=True)
    (tmp_path / "outside.py").write_text("SECRET = 1\n")
    (root / "srv" / "app.py").write_text("x = 1\n")
    with files.TargetFiles(str(root)) as found:
        yield found, root


def test_reads_under_the_root(reader):
    files, _ = reader
    assert files.read("/srv/app.py") == b"x = 1\n"
    assert files.notes == []


def test_dot_dot_stays_in_the_root(reader):
    files, _ = reader
    assert files.read("/../../srv/../srv/app.py") == b"x = 1\n"
    assert files.read("/../outside.py") is None


def test_links_are_resolved_in_the_root(reader):
    files, root = reader
    (root / "srv" / "good.py").symlink_to("/srv/app.py")
    (root / "srv" / "folder").symlink_to("../srv")
    (root / "srv" / "bad.py").symlink_to("../../outside.py")
    (root / "srv" / "loop.py").symlink_to("loop.py")
    assert files.read("/srv/good.py") == b"x = 1\n"
    assert files.read("/srv/folder/app.py") == b"x = 1\n"
    assert files.read("/srv/bad.py") is None
    assert files.read("/srv/loop.py") is None


def test_fifo_and_folder_are_refused_at_once(reader):
    files, root = reader
    os.mkfifo(root / "srv" / "pipe.py")
    assert files.read("/srv/pipe.py") is None
    assert files.read("/srv") is None
    assert "pipe.py could not be read: not a regular file" in files.notes[0]


def test_large_file_is_refused(reader):
    files, root = reader
    files.max_bytes = 1 << 20
    (root / "srv" / "big.py").write_bytes(b"#" * ((1 << 20) + 1))
    assert files.read("/srv/big.py") is None
    assert "larger than 1 MiB" in files.notes[0]


def test_names_that_are_no_paths(reader):
    files, _ = reader
    assert [files.read(p) for p in ("", "<string>", "<frozen os>", "a\0b")] == [None] * 4
    assert files.notes == []


def test_changed_after_the_start(tmp_path):
    from unleak.source import answer

    path = tmp_path / "app.py"
    path.write_text("ITEMS = []\ndef keep(v):\n    ITEMS.append(v)\n")
    os.utime(path, (2000, 2000))
    holder = {"kind": "module-global", "module": "app", "name": "ITEMS", "inner": [], "container": "list"}
    ask = {"files": [str(path)], "main_file": str(path), "questions": [{"id": "q", "ask": "stored", "holder": holder}]}
    assert any("was changed after the program started" in n for n in answer({**ask, "started": 1000})["notes"])
    assert answer({**ask, "started": 3000})["notes"] == []


@pytest.mark.parametrize(
    "data",
    [
        "# coding: latin-1\nNAME = '\xe9'\nITEMS = []\ndef keep(v):\n    ITEMS.append(v)\n".encode("latin-1"),
        b"\xef\xbb\xbfNAME = '\xc3\xa9'\n\nITEMS = []\ndef keep(v):\r\n    ITEMS.append(v)\r\n",
    ],
)
def test_encodings(tmp_path, data):
    from unleak.source import answer

    path = tmp_path / "app.py"
    path.write_bytes(data)
    holder = {"kind": "module-global", "module": "app", "name": "ITEMS", "inner": [], "container": "list"}
    found = answer(
        {"files": [str(path)], "main_file": str(path), "questions": [{"id": "q", "ask": "stored", "holder": holder}]}
    )
    assert (found["answers"]["q"]["places"][0]["line"], found["answers"]["q"]["places"][0]["text"]) == (
        5,
        "ITEMS.append(v)",
    )


@pytest.mark.parametrize(
    "data",
    [
        b"# coding: nothing-known\nITEMS = []\n",
        b"ITEMS = '\xff\xfe'\n",
        b"ITEMS = []\0\n",
        b"ITEMS = " + b"(" * 5000 + b")" * 5000,
        b"ITEMS = " + b"-" * 20000 + b"1",
        b"ITEMS" + b".a" * 20000 + b" = 1\n",
    ],
)
def test_hostile_sources_are_notes(tmp_path, data):
    path = tmp_path / "app.py"
    path.write_bytes(data)
    holder = {"kind": "module-global", "module": "app", "name": "ITEMS", "inner": [], "container": "list"}
    ask = {"files": [str(path)], "main_file": str(path), "questions": [{"id": "q", "ask": "stored", "holder": holder}]}
    ran = _run(json.dumps(ask))
    assert ran.returncode == 0, ran.stderr
    assert "q" not in json.loads(ran.stdout)["answers"]
    assert json.loads(ran.stdout)["notes"]


def _run(text):
    env = {**os.environ, "PYTHONPATH": PYTHON}
    return subprocess.run(
        [sys.executable, "-m", "unleak.source"],
        input=text,
        capture_output=True,
        text=True,
        env=env,
        timeout=60,
        check=False,
    )


def test_command(tmp_path):
    path = tmp_path / "app.py"
    path.write_text("ITEMS = []\ndef keep(v):\n    ITEMS.append(v)\n")
    holder = {"kind": "module-global", "module": "app", "name": "ITEMS", "inner": [], "container": "list"}
    ran = _run(
        json.dumps(
            {
                "root": "",
                "files": [str(path)],
                "main_file": str(path),
                "questions": [{"id": "q", "ask": "stored", "holder": holder}],
            }
        )
    )
    place = json.loads(ran.stdout)["answers"]["q"]["places"][0]
    assert {k: place[k] for k in ("file", "line", "function", "text", "from", "operation")} == {
        "file": str(path),
        "line": 3,
        "function": "keep",
        "text": "ITEMS.append(v)",
        "from": "source",
        "operation": "append",
    }


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100000])
def test_command_refuses_what_is_no_document(text):
    ran = _run(text)
    assert ran.returncode == 2
    assert "unleak.source" in ran.stderr


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"id": "q"},
        {"id": "q", "ask": "what"},
        {"id": "q", "ask": "stored"},
        {"id": "q", "ask": "stored", "holder": []},
        {"id": "q", "ask": "stored", "holder": {"name": 5, "inner": "x", "kind": None}},
        {
            "id": "q",
            "ask": "stored",
            "holder": {"name": "a", "inner": [1, None, "][", "[*"], "kind": "module-global"},
            "frames": [1, {}],
            "element_types": 3,
        },
        {"id": "q", "ask": "bound", "holder": {"name": "a"}},
        {"id": "q", "ask": "removed", "holder": {"name": "a", "kind": "local-variable"}},
        {"id": "q", "ask": "edge"},
        {
            "id": "q",
            "ask": "edge",
            "from": ".",
            "to": "..",
            "edge": "",
            "functions": [None, {"file": 3}],
            "types": [None],
            "via": 3,
        },
        {"id": "q", "ask": "bulk"},
        {"id": "q", "ask": "bulk", "file": "/nowhere.py", "line": "x"},
        "text",
        None,
    ],
)
def test_odd_questions_have_no_entry(tmp_path, question):
    from unleak.source import answer

    path = tmp_path / "app.py"
    path.write_text("a = []\n")
    found = answer({"files": [str(path), 5, None], "main_file": str(path), "questions": [question]})
    assert found["answers"].get("q") is None or "places" in found["answers"]["q"]


def test_no_file_needs_to_be_read_twice(tmp_path, monkeypatch):
    from unleak.source import files

    path = tmp_path / "app.py"
    path.write_text("x = 1\n")
    with files.TargetFiles() as reader:
        assert reader.read(str(path)) == b"x = 1\n"
        path.unlink()
        assert reader.read(str(path)) == b"x = 1\n"


def test_a_folder_is_listed_below_the_root_only(tmp_path):
    from unleak.source import names_in

    (tmp_path / "root" / "lib").mkdir(parents=True)
    (tmp_path / "root" / "lib" / "pkg-1.0.dist-info").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "root" / "out").symlink_to("../secret")
    names = names_in(str(tmp_path / "root"))
    assert names("/lib") == ["pkg-1.0.dist-info"]
    assert names("/nowhere") == names("/out") == names("/lib/pkg-1.0.dist-info") == []
