"""`unleak doctor` on machines as they are described by fixtures, and on processes."""
import json

import pytest

from unleak.cli import target_checks
from unleak.cli.commands import doctor

NOBODY, ROOT = "0000000000000000", "000001ffffffffff"


@pytest.fixture
def machine(tmp_path):
    """A /proc with the settings given."""
    def make(yama=None, perf=2, capabilities=NOBODY, seccomp=0):
        kernel = tmp_path / "sys" / "kernel"
        (kernel / "yama").mkdir(parents=True)
        if yama is not None:
            (kernel / "yama" / "ptrace_scope").write_text("%d\n" % yama)
        if perf is not None:
            (kernel / "perf_event_paranoid").write_text("%d\n" % perf)
        (tmp_path / "self").mkdir()
        (tmp_path / "self" / "status").write_text("Name:\tx\nCapEff:\t%s\nSeccomp:\t%d\n" % (capabilities, seccomp))
        (tmp_path / "meminfo").write_text("MemTotal: 1 kB\nMemAvailable:    2097152 kB\n")
        return str(tmp_path)
    return make


@pytest.mark.parametrize("yama, capabilities, state", [
    (None, NOBODY, "ok"), (0, NOBODY, "ok"), (1, NOBODY, "limited"), (1, ROOT, "ok"), (2, NOBODY, "no"), (2, ROOT, "ok"),
    (3, ROOT, "no")])
def test_yama(machine, yama, capabilities, state):
    check = doctor.check_yama(machine(yama=yama, capabilities=capabilities))
    assert check.state == state
    assert bool(check.hint) == (state != "ok"), "what does not work comes with what to do"


@pytest.mark.parametrize("perf, capabilities, state", [
    (2, NOBODY, "ok"), (3, NOBODY, "limited"), (3, ROOT, "ok"), (None, NOBODY, "limited")])
def test_safe_points(machine, perf, capabilities, state):
    assert doctor.check_perf(machine(perf=perf, capabilities=capabilities)).state == state


def test_seccomp_and_memory(machine):
    folder = machine(seccomp=2)
    assert doctor.check_seccomp(folder).state == "limited"
    assert doctor.check_memory(folder).found == "2 GiB available"


def test_a_machine_without_what_is_asked_is_described_all_the_same(tmp_path):
    assert [check(str(tmp_path)).state for check in (doctor.check_yama, doctor.check_perf, doctor.check_memory)] == [
        "ok", "limited", "limited"]


def test_a_process(unleak, start_program):
    pid = start_program().pid
    result = unleak("doctor", pid, "--json")
    document = json.loads(result.stdout)
    assert document["checks"][-1]["name"] == "pid %d" % pid and document["checks"][-1]["state"] == "ok"
    assert document["target"]["python"] == "3.12.1"


def test_a_process_that_is_not_there(unleak):
    result = unleak("doctor", (1 << 22) - 1)
    assert result.returncode == 3 and "there is no process" in result.stdout


@pytest.fixture
def process(tmp_path):
    """A /proc with process 7 as given."""
    def make(seccomp=0, environ=b"", maps="", namespace="pid:[1]"):
        for name in ("7", "self"):
            (tmp_path / name / "ns").mkdir(parents=True)
            for kind in ("user", "pid", "mnt"):
                (tmp_path / name / "ns" / kind).symlink_to(namespace if name == "7" and kind == "pid" else kind + ":[1]")
        (tmp_path / "7" / "status").write_text("Name:\tx\nSeccomp:\t%d\n" % seccomp)
        (tmp_path / "7" / "environ").write_bytes(environ)
        (tmp_path / "7" / "maps").write_text(maps)
        return str(tmp_path)
    return make


TARGET = {"python": "3.12.1", "free_threaded": False, "executable": "/usr/bin/python3"}


def rows(folder, **target):
    return {c.name: c for c in target_checks.checks(7, {**TARGET, **target}, folder)}


def test_a_plain_process_is_all_right(process):
    found = rows(process())
    assert set(found) == {"namespaces", "its seccomp", "its Python", "layout", "allocator", "symbols"}
    assert {c.state for c in found.values()} == {"ok"}


def test_rows_of_odd_processes(process):
    found = rows(process(seccomp=2, environ=b"A=1\0PYTHONMALLOC=malloc\0", namespace="pid:[2]", maps="1-2 r 0 0 0 /usr/lib/libjemalloc.so.2\n"),
                 executable="/usr/bin/python3 (deleted)", python="3.16.0", notes=["x: its memory is copied while it stands still"])
    assert "pid" in found["namespaces"].found and found["namespaces"].state == "ok"
    states = {name: found[name].state for name in ("its seccomp", "allocator", "symbols", "layout", "way")}
    assert states == {"its seccomp": "limited", "allocator": "limited", "symbols": "limited", "layout": "no", "way": "limited"}
    assert all(c.hint for c in found.values() if c.state != "ok"), "what does not work comes with what to do"
    assert "unleak diagnose 7" in found["its seccomp"].hint


@pytest.mark.parametrize("environ, library, free_threaded, state, words", [
    (b"", "/usr/lib/x86_64-linux-gnu/libc.so.6", False, "ok", "glibc's malloc"),
    (b"PYTHONMALLOC=pymalloc_debug\0", "/lib64/libc-2.31.so", False, "ok", "under the debug hooks"),
    (b"PYTHONMALLOC=malloc_debug\0", "/usr/lib/libc.so.6", False, "limited", "no pools"),
    (b"", "/usr/lib/libc.so.6", True, "limited", "free-threaded"),
    (b"", "/lib/ld-musl-x86_64.so.1", False, "limited", "not glibc's"),
    (b"", "/usr/lib/x86_64-linux-gnu/musl/libc.so", False, "limited", "not glibc's"),
    (b"", "/usr/lib/libtcmalloc_minimal.so.4.5.9", False, "limited", "tcmalloc_minimal for the rest"),
    (b"", "/srv/a-static-program", False, "limited", "linked statically"),
])
def test_allocators(process, environ, library, free_threaded, state, words):
    row = rows(process(environ=environ, maps="1-2 r-xp 0 0 0 %s\n" % library), free_threaded=free_threaded)["allocator"]
    assert row.state == state and words in row.found and (row.hint or state == "ok")


def test_capabilities(machine):
    assert doctor.check_capabilities(machine(capabilities=ROOT)).state == "ok"


def test_no_capabilities(machine):
    check = doctor.check_capabilities(machine())
    assert check.state == "limited" and "sudo" in check.hint
