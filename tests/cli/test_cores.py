"""`unleak snapshot CORE` and `unleak diagnose CORE`: what one look at a core file can tell, and what it says it cannot."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from test_real import call, document, leaking, python  # noqa: F401 - fixtures

pytestmark = pytest.mark.slow


@pytest.fixture
def core(leaking, tmp_path):  # noqa: F811
    gcore = shutil.which("gcore") or pytest.skip("gdb's gcore is not there")
    command = [gcore, "-o", str(tmp_path / "core"), str(leaking.pid)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return tmp_path / ("core.%d" % leaking.pid)


def test_a_core_becomes_a_snapshot_that_the_commands_read(core, tmp_path):
    kept = tmp_path / "look.unleak"
    made = call("snapshot", core, "-o", kept)
    assert made.returncode == 0, made.stderr
    assert "from a core file" in made.stdout
    top = call("top", kept, "--json")
    assert "Session" in top.stdout, top.stderr
    shown = document(call("snapshot", core, "-f", "-o", kept, "--json"))
    assert shown["verdict"] == "inconclusive" and shown["snapshots"][0]["producer"] == "core"
    assert shown["target"]["pid"] == int(core.suffix[1:])


def test_growth_is_not_told_from_one_core(core):
    shown = document(call("diagnose", core, "--json"))
    assert shown["verdict"] == "inconclusive"
    assert shown["snapshots"][0]["producer"] == "core"


def test_counts_and_memory_are_those_of_the_core(core, tmp_path):
    kept = tmp_path / "look.unleak"
    assert call("snapshot", core, "-o", kept).returncode == 0
    for command in ("audit", "memory"):
        of_core = call(command, core, "--json")
        assert of_core.returncode == 0, of_core.stderr
        assert json.loads(of_core.stdout) == json.loads(call(command, kept, "--json").stdout), command


def test_what_is_no_core_is_refused(tmp_path):
    other = tmp_path / "notes.txt"
    other.write_text("nothing\n")
    refused = call("snapshot", other)
    assert refused.returncode == 3 and "is no core file" in refused.stderr
    assert call("snapshot", Path("nowhere")).returncode == 2
    assert not list(tmp_path.glob("*.unleak"))
