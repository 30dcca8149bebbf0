"""`unleak run`: the program behaves as without it, and what is said about it."""
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import wait_for

FAKE = str(Path(__file__).with_name("fake_unleak.py"))


@pytest.fixture
def script(tmp_path):
    def write(code):
        path = tmp_path / "program.py"
        path.write_text(code)
        return path
    return write


def test_the_program_s_output_and_the_verdict_do_not_mix(unleak, script):
    path = script("import sys, time\nprint('out', sys.argv[1:])\nprint('err', file=sys.stderr)\ntime.sleep(1)\n")
    result = unleak("run", "--python", sys.executable, path, "--json", "-x")
    assert result.stdout == "out ['--json', '-x']\n"
    assert "err\n" in result.stderr and "CLEAN" in result.stderr
    assert result.returncode == 0


def test_with_json_the_program_s_stdout_goes_to_stderr(unleak, script):
    path = script("import time\nprint('out', flush=True)\ntime.sleep(1)\nraise SystemExit(7)\n")
    result = unleak("run", "--json", "--python", sys.executable, path)
    document = json.loads(result.stdout)
    assert result.stderr.startswith("out\n")
    assert (document["target"]["exit"], document["verdict"], result.returncode) == (7, "clean", 0)


@pytest.mark.parametrize("code, status", [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137)])
def test_exit_status_program_passes_it_on(unleak, code, status):
    assert unleak("run", "--exit-status", "program", "--python", sys.executable, "-c", code).returncode == status


def test_module_code_and_any_command(unleak):
    out = unleak("run", "--python", sys.executable, "-m", "json.tool", "--help").stdout
    assert "json.tool" in out
    assert unleak("run", "-c", "print(6 * 7)").stdout == "42\n"
    assert unleak("run", "--", "echo", "--json", "a").stdout == "--json a\n"


def test_the_program_reads_our_stdin(unleak):
    with unleak.start("run", "-c", "print(input())", stdin=subprocess.PIPE) as tool:
        out, _ = tool.communicate("hello\n", timeout=60)
    assert out == "hello\n"


def test_a_python_below_a_shell_is_found(unleak):
    code = "import time; time.sleep(2)"
    document = json.loads(unleak("run", "--json", "--", "sh", "-c", "%s -c '%s'; exit 4" % (sys.executable, code)).stdout)
    assert document["snapshots"] and document["target"]["exit"] == 4


def test_a_program_that_no_look_was_taken_of_is_inconclusive(unleak):
    result = unleak("run", "--json", "--", "true")
    document = json.loads(result.stdout)
    assert (document["verdict"], document["target"]["exit"], result.returncode) == ("inconclusive", 0, 0)
    assert "No look could be taken" in document["summary"]


def test_nothing_to_run_is_usage(unleak):
    for words in ([], ["--"], ["-m"], ["--json"]):
        assert unleak("run", *words).returncode == 2


def test_a_missing_interpreter_is_status_3(unleak):
    assert unleak("run", "--python", "python9.9", "-c", "pass").returncode == 3


def test_ctrl_c_reaches_the_program_once_and_the_verdict_is_printed(unleak, script):
    """On a terminal: Ctrl-C goes to the whole foreground group, which the program must be in."""
    path = script("import time\ntry:\n    print('READY', flush=True)\n    while True: time.sleep(0.01)\n"
                  "except KeyboardInterrupt:\n    print('interrupted', flush=True)\n")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(unleak.folder)
        os.execve(sys.executable, [sys.executable, FAKE, "run", "--python", sys.executable, str(path)], unleak.env)
    shown = b""

    def read_until(word):
        nonlocal shown
        while word not in shown:
            shown += os.read(terminal, 4096)

    read_until(b"READY")
    wait_for(lambda: unleak.requests("look"))
    os.write(terminal, b"\x03")
    read_until(b"CLEAN")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130
    assert shown.count(b"interrupted") == 1


def test_a_program_that_ignores_ctrl_c_goes_on(unleak, script):
    path = script("import os, signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
                  "open('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)\n")
    with unleak.start("run", "--json", "--python", sys.executable, path, stderr=subprocess.DEVNULL) as tool:
        wait_for(lambda: unleak.requests("look"))
        tool.send_signal(signal.SIGINT)
        out, _ = tool.communicate(timeout=30)
    pid = int((unleak.folder / "pid").read_text())
    os.kill(pid, 0)
    os.kill(pid, signal.SIGKILL)
    assert tool.returncode == 130 and json.loads(out)["verdict"] == "clean"


def test_sigterm_is_passed_on_to_the_program(unleak, script):
    path = script("import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
                  "print('READY', flush=True)\nwhile True: time.sleep(0.01)\n")
    with unleak.start("run", "--json", "--python", sys.executable, path) as tool:
        wait_for(lambda: unleak.requests("look"))
        tool.send_signal(signal.SIGTERM)
        out, _ = tool.communicate(timeout=30)
    assert tool.returncode == 143 and json.loads(out)["target"]["exit"] == 5


def test_a_new_high_of_memory_is_looked_at(unleak, script):
    unleak.env["FAKE_WAIT_S"] = "60"        # the session itself asks for the first look only
    path = script("import time\ntime.sleep(1)\nbig = b'x' * (64 << 20)\ntime.sleep(1.5)\n")
    document = json.loads(unleak("run", "--json", "--python", sys.executable, path).stdout)
    assert len(document["snapshots"]) >= 2
    assert max(s["rss"] for s in document["snapshots"]) > 64 << 20
    assert not [n for n in document["notes"] if "missed" in n]


def test_children_are_looked_at_too(unleak):
    code = ("import subprocess, sys, time; time.sleep(1); "
            "subprocess.run([sys.executable, '-c', 'import time; time.sleep(3)']); raise SystemExit(6)")
    document = json.loads(unleak("run", "--json", "--children", "--python", sys.executable, "-c", code).stdout)
    assert len(document["processes"]) == 2 and document["target"]["exit"] == 6
