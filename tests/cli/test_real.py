"""The command line with the real core and helper, on real processes: what only the whole can show."""
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import interpreters
import pytest
from cli_support import wait_for
from targets import start_target

import unleak
from unleak.cli.text import WIDTH

jsonschema = pytest.importorskip("jsonschema")
ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((Path(unleak.__file__).parent / "schema" / "verdict.schema.json").read_text())
LEAKS = """
import time
class Session:
    def __init__(self): self.data = [None] * 20
ACTIVE = {}
def remember(n):
    ACTIVE[n] = Session()
print('READY', flush=True)
n = 0
while True:
    remember(n)
    n += 1
    time.sleep(0.005)
"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def python():
    found = interpreters.interpreters()
    return next((i for i in found if i.tag == "3.12"), found[0]).exe


@pytest.fixture
def leaking(python, tmp_path):
    path = tmp_path / "shop.py"
    path.write_text(LEAKS)
    with start_target(python, path) as target:
        target.wait_ready()
        yield target


def start(*words, **options):
    env = {**{k: v for k, v in os.environ.items() if not k.startswith("UNLEAK_")}, "PYTHONPATH": str(ROOT / "python")}
    return subprocess.Popen([sys.executable, "-m", "unleak", *map(str, words)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=env, **options)


def call(*words, **options):
    with start(*words, **options) as process:
        out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def document(result):
    parsed = json.loads(result.stdout)
    jsonschema.Draft202012Validator(SCHEMA).validate(parsed)
    return parsed


def is_well(target):
    """Running, not stopped, not traced, and it still makes steps."""
    status = Path("/proc/%d/status" % target.pid).read_text()
    return target.running() and target.state() in "RS" and "TracerPid:\t0\n" in status


def test_a_leak_is_named_and_the_target_goes_on(leaking):
    result = call("diagnose", leaking.pid, "--json", "--duration", "6")
    found = document(result)
    assert (result.returncode, found["verdict"]) == (1, "leak")
    finding = found["findings"][0]
    assert "ACTIVE" in finding["holder"]["text"]
    assert [p["text"] for p in finding["sites"]["stored"]][0] == "ACTIVE[n] = Session()"
    assert is_well(leaking)


def test_the_text_fits_and_names_the_line(leaking):
    result = call("diagnose", leaking.pid, "--duration", "6")
    assert "ACTIVE[n] = Session()" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= WIDTH


def test_ctrl_c_in_the_middle_leaves_the_target_well(leaking):
    with start("diagnose", leaking.pid, "--json", "--duration", "60") as tool:
        wait_for(lambda: Path("/proc/%d/task/%d/children" % (tool.pid, tool.pid)).read_text())
        tool.send_signal(signal.SIGINT)
        out, _ = tool.communicate(timeout=60)
    assert tool.returncode == 130
    jsonschema.validate(json.loads(out), SCHEMA)
    assert is_well(leaking)


def test_unleak_killed_leaves_the_target_well_and_no_helper(leaking, tmp_path):
    with start("diagnose", leaking.pid, "--duration", "60", "--keep", tmp_path / "looks") as tool:
        wait_for(lambda: list((tmp_path / "looks").glob("*.unleak")))
        helper = int(Path("/proc/%d/task/%d/children" % (tool.pid, tool.pid)).read_text().split()[0])
        tool.kill()
        tool.communicate(timeout=60)
    wait_for(lambda: not Path("/proc/%d" % helper).exists() or "State:\tZ" in Path("/proc/%d/status" % helper).read_text())
    assert is_well(leaking)


def test_kept_looks_give_the_same_findings(leaking, tmp_path):
    live = document(call("diagnose", leaking.pid, "--json", "--duration", "6", "--keep", tmp_path / "looks"))
    files = sorted((tmp_path / "looks").iterdir())
    assert len(files) == len(live["snapshots"])
    assert {f.stat().st_mode & 0o777 for f in files} == {0o600}
    kept = document(call("diagnose", *files, "--json"))
    assert [f["id"] for f in kept["findings"]] == [f["id"] for f in live["findings"]]
    assert kept["verdict"] == "leak"


def test_a_process_that_is_no_python_is_refused(tmp_path):
    with subprocess.Popen(["sleep", "60"]) as process:
        result = call("diagnose", process.pid, "--json")
        process.kill()
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.startswith("unleak: ")


@pytest.mark.parametrize("code, status", [("raise SystemExit(5)", 5), ("import os; os.kill(os.getpid(), 6)", -6)])
def test_run_keeps_the_exit_status(python, code, status):
    code = "import time; print('out'); time.sleep(1); " + code
    result = call("run", "--json", "--python", python, "-c", code)
    assert document(result)["target"]["exit"] == status
    assert "out\n" in result.stderr
    passed_on = call("run", "--exit-status", "program", "--python", python, "-c", code).returncode
    assert passed_on == (status if status >= 0 else 128 - status)


def test_run_names_the_leak_of_a_program_that_ends(python, tmp_path):
    path = tmp_path / "batch.py"
    path.write_text(LEAKS.replace("while True:", "while n < 1000:"))
    found = document(call("run", "--json", "--python", python, path))
    assert found["target"]["exit"] == 0 and len(found["snapshots"]) >= 4
    assert "ACTIVE" in found["findings"][0]["holder"]["text"]


def test_two_processes_with_one_leak_are_one_finding(leaking, python, tmp_path):
    with start_target(python, tmp_path / "shop.py") as second:
        second.wait_ready()
        found = document(call("diagnose", leaking.pid, second.pid, "--json", "--duration", "6"))
    assert found["findings"][0]["pids"] == sorted([leaking.pid, second.pid])
    assert len(found["processes"]) == 2
