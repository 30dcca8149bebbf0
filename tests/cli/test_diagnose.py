"""`unleak diagnose`: documents, exit statuses, several processes, interruption."""
import json
import os
import pty
import signal
import subprocess

import pytest
from cli_support import wait_for

CHILD_OF_PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', 'import sys, time; print("READY", flush=True); time.sleep(60)'], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print('READY', flush=True)
sys.stdin.read()
child.kill()
"""


def test_json_is_the_only_thing_on_stdout(unleak, start_program):
    pid = start_program().pid
    result = unleak("diagnose", pid, "--json", "--looks", "2")
    assert result.returncode == 0
    document = json.loads(result.stdout)
    assert (document["verdict"], document["target"]["pid"], len(document["snapshots"])) == ("clean", pid, 2)


def test_text_goes_to_stdout_without_colours_when_it_is_no_terminal(unleak, start_program):
    result = unleak("diagnose", start_program().pid)
    assert "CLEAN" in result.stdout and "\x1b" not in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("verdict, flags, status", [
    ("leak", [], 1), ("leak", ["--fail-on", "never"], 0), ("clean", ["--fail-on", "possible"], 0),
    ("peak", ["--fail-on", "confirmed"], 0), ("peak", [], 1), ("not_a_leak", ["--fail-on", "possible"], 0),
    ("inconclusive", [], 0), ("inconclusive", ["--fail-on", "inconclusive"], 1)])
def test_exit_status_says_what_was_found(unleak, start_program, verdict, flags, status):
    unleak.env["FAKE_VERDICT"] = verdict
    result = unleak("diagnose", start_program().pid, "--json", *flags)
    assert result.returncode == status
    assert ("inconclusive" in result.stderr) == (verdict == "inconclusive")


def test_options_reach_the_capture(unleak, start_program):
    pid = start_program().pid
    unleak("diagnose", pid, "--looks", "1", "--max-pause", "40", "--max-extra", "5", "--argv")
    asked = {"cmd": "look", "pid": pid, "max_pause_ms": 40.0, "max_extra": 0.05, "argv": True, "copy": False}
    assert [{key: look[key] for key in asked} for look in unleak.requests("look")] == [asked]


def test_a_process_that_is_not_there_is_status_3_with_the_reason(unleak):
    result = unleak("diagnose", (1 << 22) - 1, "--json")
    assert (result.returncode, result.stdout) == (3, "")
    assert "there is no process" in result.stderr


def test_usage_errors_are_status_2(unleak):
    assert unleak("diagnose").returncode == 2
    assert unleak("diagnose", "1", "--looks", "0").returncode == 2
    assert unleak("diagnose", "1", "file.unleak").returncode == 2


def test_a_process_that_ends_is_judged_by_the_looks_there_are(unleak, start_program):
    program = start_program()
    unleak.env["FAKE_WAIT_S"] = "0.3"
    with unleak.start("diagnose", program.pid, "--json", "--looks", "50") as tool:
        wait_for(lambda: len(unleak.requests("look")) > 1)      # the first was taken
        program.kill()
        program.wait()
        out, _ = tool.communicate(timeout=60)
    document = json.loads(out)
    assert tool.returncode == 0
    assert any("ended after" in note for note in document["notes"])


def test_several_processes_become_one_document(unleak, start_program):
    unleak.env["FAKE_VERDICT"] = "leak"
    pids = sorted(start_program().pid for _ in range(2))
    result = unleak("diagnose", *pids, "--json")
    document = json.loads(result.stdout)
    assert [p["pid"] for p in document["processes"]] == pids
    assert len(document["findings"]) == 1, "the same signature is one finding"
    assert document["findings"][0]["pids"] == pids
    assert document["findings"][0]["growth"]["per_s"]["objects"] == 104.0


def test_one_of_several_processes_may_be_gone(unleak, start_program):
    pid = start_program().pid
    document = unleak.document("diagnose", pid, (1 << 22) - 1, "--json")
    assert [p["pid"] for p in document["processes"]] == [pid]
    assert any("was not looked at" in note for note in document["notes"])


def test_children_are_looked_at_too(unleak, start_program):
    parent = start_program(CHILD_OF_PARENT, stdin=subprocess.PIPE)
    document = unleak.document("diagnose", parent.pid, "--json", "--children", "--looks", "1")
    parent.stdin.close()
    parent.wait(20)
    assert len(document["processes"]) == 2


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_gives_what_is_known_so_far(unleak, start_program, number, status):
    program = start_program()
    unleak.env["FAKE_WAIT_S"] = "30"
    with unleak.start("diagnose", program.pid, "--json") as tool:
        wait_for(lambda: unleak.requests("look"))
        tool.send_signal(number)
        out, err = tool.communicate(timeout=20)
    assert tool.returncode == status, err
    assert len(json.loads(out)["snapshots"]) == 1
    assert program.poll() is None


def test_ctrl_c_before_the_first_look_still_gives_a_document(unleak, start_program):
    program = start_program()
    unleak.env["FAKE_LOOK_S"] = "2"
    with unleak.start("diagnose", program.pid, "--json") as tool:
        wait_for(lambda: unleak.requests("look"))
        tool.send_signal(signal.SIGINT)
        out, err = tool.communicate(timeout=20)
    assert tool.returncode == 130, err
    assert json.loads(out)["verdict"] == "clean", "the look under way was finished and used"


def test_a_second_ctrl_c_does_not_wait_for_a_look(unleak, start_program):
    program = start_program()
    unleak.env["FAKE_LOOK_S"] = "20"
    with unleak.start("diagnose", program.pid, "--json") as tool:
        wait_for(lambda: unleak.requests("look"))
        tool.send_signal(signal.SIGINT)
        assert "finishing the look" in tool.stderr.readline()
        tool.send_signal(signal.SIGINT)
        out = tool.stdout.read()
        tool.wait(10)
        tool.stderr.close()
    assert tool.returncode == 130
    document = json.loads(out)
    assert (document["verdict"], document["snapshots"]) == ("inconclusive", [])


def test_keep_leaves_files_that_can_be_diagnosed(unleak, start_program):
    pid = start_program().pid
    unleak("diagnose", pid, "--looks", "2", "--keep", "looks")
    files = sorted((unleak.folder / "looks").iterdir())
    assert [f.name for f in files] == ["%d-0001.unleak" % pid, "%d-0002.unleak" % pid]
    document = unleak.document("diagnose", *files, "--json")
    assert len(document["snapshots"]) == 2


def test_a_missing_file_is_status_3(unleak):
    result = unleak("diagnose", "nothing.unleak")
    assert result.returncode == 3 and "there is no file" in result.stderr


def test_the_log_says_what_was_done(unleak, start_program):
    pid = start_program().pid
    unleak("diagnose", pid, "--looks", "2", "--log", "unleak.log")
    text = (unleak.folder / "unleak.log").read_text()
    assert "pid %d: look 2" % pid in text and "pid %d: clean" % pid in text
    assert (unleak.folder / "unleak.log").stat().st_mode & 0o777 == 0o600


def test_progress_is_one_line_on_a_terminal(unleak, start_program):
    ours, theirs = pty.openpty()
    unleak.env["FAKE_WAIT_S"] = "0.6"
    result = unleak("diagnose", start_program().pid, "--json", "--looks", "2", stderr=theirs)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert json.loads(result.stdout)["verdict"] == "clean"
    assert "1 look taken" in shown and shown.endswith("\r\x1b[K") and "\n" not in shown
