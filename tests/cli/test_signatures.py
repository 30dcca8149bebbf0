"""The same leak has the same signature: over restarts, Python versions, folders and edits of the file."""
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import interpreters
import pytest
from targets import start_target

ROOT = Path(__file__).resolve().parents[2]
RESTARTS = 5
VERSIONS = 3
# Each leaks in a way of its own: a global, an attribute, an item of a named entry, a closure, a method cache, a cycle.
LEAKS = """
import functools, sys, time

class Session:
    def __init__(self, n):
        self.data = [n]

class Registry:
    def __init__(self):
        self.entries = []
    def remember(self, n):
        self.entries.append(Session(n))

class Reader:
    def __init__(self, n):
        self.n = n
    @functools.lru_cache(maxsize=None)
    def read(self):
        return str(self.n)

class Node:
    def __init__(self, other=None):
        self.other = other or Node(self)

def keeper():
    kept = []
    def keep(n):
        kept.append(Session(n))
    return keep

ACTIVE = {}
STATE = {'names': [], 'count': 0}
REGISTRY = Registry()
keep = keeper()

def step(n):
    ACTIVE[n] = Session(n)
    STATE['names'].append('name %d' % n)
    REGISTRY.remember(n)
    keep(n)
    Reader(n).read()
    Node()

print('READY', flush=True)
n = 0
while sys.stdin:
    step(n)
    n += 1
    time.sleep(0.01)
"""
pytestmark = pytest.mark.slow


def diagnose(pids):
    """The documents of all these processes, merged: a finding's `pids` are those with its signature."""
    env = {**{k: v for k, v in os.environ.items() if not k.startswith("UNLEAK_")}, "PYTHONPATH": str(ROOT / "python")}
    words = ["diagnose", *map(str, pids), "--json", "--all", "--looks", "4", "--duration", "12"]
    done = subprocess.run([sys.executable, "-m", "unleak", *words], env=env,
                          capture_output=True, text=True, timeout=180)
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout)


def test_restarts_versions_folders_and_edits_leave_the_signatures_as_they_are(tmp_path):
    found = [i for i in interpreters.interpreters() if not i.free_threaded]
    chosen = [found[0], found[len(found) // 2], found[-1]] if len(found) > VERSIONS else found
    with ExitStack() as stack:
        targets = []
        for number in range(RESTARTS):
            path = tmp_path / ("release-%d" % number) / "shop.py"
            path.parent.mkdir()
            path.write_text("# an edit moves every line\n" * number + LEAKS)
            targets += [stack.enter_context(start_target(python.exe, path)) for python in chosen]
        for target in targets:
            target.wait_ready()
        document = diagnose([t.pid for t in targets])
    everybody = sorted(t.pid for t in targets)
    pids, sure = {}, set()      # by signature; of how certain each process is, its load decides
    for finding in document["findings"]:
        pids.setdefault(finding["id"], set()).update(finding["pids"])
        if finding["certainty"] != "possible":
            sure.add(finding["id"])
    assert {name: len(pids[name]) for name in sure} == {name: len(everybody) for name in sure}, document["findings"]
    assert len(sure) >= 6, document["findings"]
