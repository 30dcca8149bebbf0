"""The commands that look around in snapshots: files in, tables or JSON out."""
import json
import os
import subprocess
import sys

import pytest

from unleak.cli.listing import listing


@pytest.fixture
def snapshot(unleak, start_program):
    pid = start_program().pid
    result = unleak("snapshot", pid, "-o", "look.unleak")
    assert result.returncode == 0 and "1,000 objects" in result.stdout
    return unleak.folder / "look.unleak"


@pytest.mark.parametrize("words", [["top"], ["top", "--by", "retained"], ["cycles"], ["paths", "app.Node"]])
def test_tables_and_json(unleak, snapshot, words):
    words = [words[0], snapshot, *words[1:]]
    assert "app.Node" in unleak(*words).stdout
    assert json.loads(unleak(*words, "--json").stdout)["rows"]


def test_diff(unleak, snapshot):
    assert "app.Node" in unleak("diff", snapshot, snapshot).stdout


def test_a_missing_file(unleak):
    for words in (["top", "no"], ["paths", "no", "int"], ["cycles", "no"], ["diff", "no", "no"]):
        result = unleak(*words)
        assert result.returncode == 3 and "there is no file no" in result.stderr


def test_a_snapshot_is_not_written_over(unleak, snapshot, start_program):
    pid = start_program().pid
    assert unleak("snapshot", pid, "-o", snapshot).returncode == 2
    assert unleak("snapshot", pid, "-o", snapshot, "--force").returncode == 0


def test_snapshot_as_json_is_a_document_without_findings(unleak, start_program):
    unleak.env["FAKE_VERDICT"] = "leak"
    document = json.loads(unleak("snapshot", start_program().pid, "--json").stdout)
    assert (document["verdict"], document["findings"], len(document["snapshots"])) == ("inconclusive", [], 1)


def test_a_listing_shows_paths_below_their_rows():
    text = listing({"found": 2, "left_out": 0, "rows": [
        {"type": "app.Node", "bytes": 2048, "root": "module app", "text": "app.A", "path": [{"edge": ".A", "type": "list"}]},
        {"type": "x\x1b[31m", "bytes": 7, "root": "", "text": "", "path": []}]})
    assert text.splitlines() == ["found: 2", "type       bytes", "app.Node   2 KiB",
                                 "      module app → .A (list)", "x\\x1b[31m    7 B"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_by_sudo_becomes_the_caller_after_the_capture(unleak, start_program):
    """What is written belongs to the person behind sudo, not to root."""
    unleak.env.update(SUDO_UID="65534", SUDO_GID="65534")
    os.chmod(unleak.folder, 0o777)
    for parent in unleak.folder.parents[:3]:
        os.chmod(parent, 0o755)
    result = unleak("diagnose", start_program().pid, "--looks", "1", "--keep", "looks", "--log", "log")
    assert result.returncode == 0, result.stderr
    assert {path.stat().st_uid for path in (unleak.folder / "looks").iterdir()} == {65534}
    assert (unleak.folder / "log").stat().st_uid == 65534


def test_nobody_else_changes_who_they_are():
    code = "from unleak.cli import privileges; print(privileges.caller())"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "SUDO_UID": "0", "SUDO_GID": "0"}
    assert subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True).stdout == "None\n"
