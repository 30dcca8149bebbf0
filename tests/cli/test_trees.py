"""--children on real fork servers and pools: each worker is told from its parent, and the tree has one verdict."""
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import interpreters
import pytest
from cli_support import wait_for
from targets import start_target

import unleak
from unleak.cli import tree
from unleak.cli.text import WIDTH

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "tests" / "programs" / "trees"
SCHEMA = json.loads((Path(unleak.__file__).parent / "schema" / "verdict.schema.json").read_text())


def call(*words):
    env = {**{k: v for k, v in os.environ.items() if not k.startswith("UNLEAK_")}, "PYTHONPATH": str(ROOT / "python")}
    done = subprocess.run([sys.executable, "-m", "unleak", *map(str, words)], env=env, capture_output=True, text=True, timeout=180)
    assert done.returncode in (0, 1), done.stderr
    return done


def document(*words):
    parsed = json.loads(call(words[0], "--json", *words[1:]).stdout)
    pytest.importorskip("jsonschema").Draft202012Validator(SCHEMA).validate(parsed)
    return parsed


def python():
    found = interpreters.interpreters()
    return next((i for i in found if i.tag == "3.12"), found[0]).exe


def by_role(found):
    return {row["role"]: row for row in found["processes"]}


def judge_server(found):
    """What is wrong with the document on a server with two workers that leak; "" when nothing is."""
    with start_target(found.exe, PROGRAMS / "prefork.py", ["2", "leak"]) as target:
        workers = sorted(map(int, target.wait_ready().split()))
        said = document("diagnose", target.pid, "--children", "--duration", "6")
        assert all(Path("/proc/%d" % pid).exists() for pid in (target.pid, *workers)) and target.running()
    rows = by_role(said)
    assert said["verdict"] == "leak", (said["summary"], said["snapshots"])
    leak = said["findings"][0]
    assert leak["holder"]["text"] == "__main__.HISTORY[*]" and sorted(leak["pids"]) == workers, leak
    assert sorted(rows) == ["parent", "worker 1 of 2", "worker 2 of 2"]
    assert rows["parent"]["verdict"] != "leak" and rows["parent"]["inherited"] is None
    for role in ("worker 1 of 2", "worker 2 of 2"):
        row, inherited = rows[role], rows[role]["inherited"]
        assert (row["ppid"], row["verdict"], row["ended"], row["exit"]) == (target.pid, "leak", False, None)
        assert inherited["shared"]["objects"] > 0.9 * rows["parent"]["objects"], "what was made before the fork is shared"
        assert inherited["added"]["objects"] < 0.3 * row["objects"]
        assert "__main__.Request" in [made["type"] for made in inherited["added"]["types"]]
        assert not any(made["type"] == "__main__.Template" for made in inherited["added"]["types"])
        assert row["memory"]["shared"] > row["memory"]["private"] > 0
    assert said["summary"].startswith("3 processes: 2 leak"), said["summary"]


@pytest.mark.slow
def test_the_workers_of_a_fork_server_leak_on_every_interpreter():
    found = interpreters.interpreters()
    with ThreadPoolExecutor(4) as pool:
        for interpreter, outcome in [(i, pool.submit(judge_server, i)) for i in found]:
            try:
                outcome.result()
            except AssertionError as problem:
                raise AssertionError("%s: %s" % (interpreter.tag, problem)) from problem


@pytest.mark.slow
def test_a_worker_that_ends_while_looked_at_and_the_one_in_its_place(tmp_path):
    log = tmp_path / "log"
    with start_target(python(), PROGRAMS / "prefork.py", ["3", "healthy"]) as target:
        victim = int(target.wait_ready().split()[0])
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(document, "diagnose", target.pid, "--children", "--duration", "8", "--log", log)
            wait_for(lambda: log.exists() and "pid %d: look 1 " % victim in log.read_text())
            os.kill(victim, signal.SIGKILL)
            said = answer.result()
        assert target.running()
    rows = {row["pid"]: row for row in said["processes"]}
    assert said["verdict"] == "clean", said["summary"]
    assert rows[victim]["ended"] and rows[victim]["looks"] < 4
    stayed = [row["verdict"] for row in rows.values() if row["looks"] >= 4 and row["role"] != "parent"]
    assert len(stayed) >= 2 and set(stayed) == {"clean"}
    assert any("too soon to be judged" in note and str(victim) in note for note in said["notes"]), said["notes"]


@pytest.mark.slow
def test_run_follows_the_workers_of_a_pool():
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(judge_pool, ("fork", "spawn")))


def judge_pool(method):
    said = document("run", "--children", "--python", python(), PROGRAMS / "pool.py", method, "10", "leak")
    assert (said["target"]["exit"], said["verdict"]) == (0, "leak"), said["summary"]
    assert any("SEEN" in f["holder"]["text"] for f in said["findings"]), said["findings"]
    leaking = [row for row in said["processes"] if row["verdict"] == "leak"]
    assert leaking
    assert all((row["inherited"] is not None) == (method == "fork") for row in leaking)
    assert all(row["role"].startswith("worker" if method == "fork" else "child") for row in leaking)


@pytest.mark.slow
def test_the_text_has_a_line_for_each_process():
    with start_target(python(), PROGRAMS / "prefork.py", ["2", "healthy"]) as target:
        workers = target.wait_ready().split()
        text = call("diagnose", target.pid, "--children", "--duration", "4").stdout
    assert max(map(len, text.splitlines())) <= WIDTH
    for pid in workers:
        assert [line for line in text.splitlines() if line.split()[:2] == [pid, "worker"]], text


def row(role, verdict, looks=4, ended=False, late=False, active=True):
    return {"pid": 1, "ppid": 0 if role == "parent" else 1, "role": role, "verdict": verdict, "looks": looks, "ended": ended,
            "late": late, "active": active}


def test_the_strongest_of_a_process_is_the_tree_s():
    rows = [row("parent", "clean"), row("worker 1 of 2", "garbage"), row("worker 2 of 2", "leak")]
    assert tree.verdict(rows) == ("leak", "")


def test_an_idle_process_does_not_keep_the_tree_open():
    idle = row("parent", "inconclusive", active=False)
    assert tree.verdict([idle, row("worker 1 of 1", "clean")])[0] == "clean"
    assert tree.verdict([idle, row("worker 1 of 1", "inconclusive", active=False)])[0] == "inconclusive"
    assert tree.verdict([row("parent", "clean"), row("worker 1 of 1", "inconclusive")])[0] == "inconclusive", "it grows, and is open"


def test_what_had_too_few_looks_but_stayed_is_not_told_as_gone():
    few = [row("parent", "inconclusive", looks=3), row("worker 1 of 1", "inconclusive", looks=3)]
    verdict, why = tree.verdict(few)
    assert verdict == "inconclusive" and "fewer than 4 looks at 2 of them" in why and "came or went" not in why


def test_workers_that_come_and_go_are_judged_by_those_that_stay():
    gone = row("worker 1 of 2", "inconclusive", looks=1, ended=True)
    assert tree.verdict([row("parent", "clean"), gone, row("worker 2 of 2", "clean")])[0] == "clean"
    verdict, why = tree.verdict([row("parent", "clean"), gone])
    assert verdict == "inconclusive" and "no process like them" in why
