"""Odd Pythons: linked statically, embedded, loaded for themselves, several at once, too old, with other allocators."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, List, Optional

import interpreters
import pytest
from interpreters import Interpreter
from places import HERE, PROGRAM

CHOSEN = ("3.9", "3.12", "3.13")
"""Before 3.10 the interpreter's state has no section of its own; from 3.12 on the thread's state is a variable of the thread; from
3.13 on the state tells its layout."""
CONFIG = "import sysconfig as s; print(*(s.get_config_var(n) or '' for n in ('LIBPL', 'LIBDIR', 'LIBRARY', 'INSTSONAME')), sep='\\n')"


class Libraries:
    """Where an interpreter's library lies: to be linked statically, to be loaded."""

    def __init__(self, python: Interpreter):
        self.home = subprocess.run([python.exe, "-c", "import sys; print(sys.base_prefix)"], check=True,
                                   capture_output=True, text=True).stdout.strip()  # fmt: skip
        lines = subprocess.run([python.exe, "-c", CONFIG], check=True, capture_output=True, text=True).stdout.split(
            "\n"
        )
        folders, static, shared = lines[:2], lines[2], lines[3]
        self.static = self._first(folders, static)
        self.shared = self._first(folders, shared if ".so" in shared else static.replace(".a", ".so"))

    @staticmethod
    def _first(folders: List[str], name: str) -> Optional[str]:
        return next(
            (os.path.join(folder, name) for folder in folders if name and os.path.isfile(os.path.join(folder, name))),
            None,
        )


@pytest.fixture(params=CHOSEN)
def python(request) -> Interpreter:
    found = [one for one in interpreters.interpreters() if one.tag == request.param]
    if not found:
        pytest.skip("no CPython %s here" % request.param)
    return found[0]


@pytest.fixture(scope="session")
def compile_program(tmp_path_factory) -> Callable[..., str]:
    """compile_program(name, *options): embed.c, once for each name."""
    compiler, folder = shutil.which("gcc") or shutil.which("cc"), tmp_path_factory.mktemp("embed")
    if compiler is None:
        pytest.skip("there is no C compiler")

    def compile_it(name: str, *options: str) -> str:
        out = str(folder / name)
        if not os.path.exists(out):
            command = [compiler, "-O1", "-w", str(HERE / "embed.c"), *options, "-o", out]
            ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if ran.returncode != 0:
                pytest.skip("cannot be linked here: %s" % ran.stdout.strip()[-300:])
        return out

    return compile_it


def linked(compile_program, python: Interpreter, *options: str) -> str:
    library = Libraries(python).static
    if library is None:
        pytest.skip("%s came without its static library" % python.tag)
    name = "-".join(["linked", python.tag, *(option.strip("-,") for option in options)]).replace(",", "-")
    return compile_program(name, "-DLINKED", library, *options, "-lm", "-lz", "-lpthread", "-ldl", "-lutil")


def start(place, python: Interpreter, *command: str):
    return place(list(command), env={**os.environ, "PYTHONHOME": Libraries(python).home})


@pytest.mark.parametrize("kind", ["static", "static stripped", "dynamic"])
def test_linked_into_a_program(kind: str, python: Interpreter, compile_program, place, look) -> None:
    """Without exports: what has not been stripped has a table of symbols, 3.10 and newer a section, 3.9 its shape."""
    options = (["-static"] if "static" in kind else []) + (["-s"] if "stripped" in kind else [])
    target = start(place, python, linked(compile_program, python, *options), "-")
    snapshot = look(target.pid)
    assert snapshot.facts["python"].startswith(python.tag + ".")
    assert snapshot.facts["objects"] > 15_000
    # A stripped program does not tell where a thread keeps its state: a traverse that asks for it costs its object's edges.
    assert snapshot.facts["faults"] <= (10 if "stripped" in kind and python.version >= (3, 12) else 0), snapshot.facts


def test_loaded_for_itself(python: Interpreter, compile_program, place, look) -> None:
    library = Libraries(python).shared
    if library is None:
        pytest.skip("%s came without its shared library" % python.tag)
    target = start(place, python, compile_program("loader"), library)
    snapshot = look(target.pid)
    assert snapshot.facts["python"].startswith(python.tag + ".") and snapshot.facts["objects"] > 15_000
    assert snapshot.facts["faults"] == 0


def test_two_at_once_are_refused(python: Interpreter, compile_program, place, inspect) -> None:
    library = Libraries(python).shared
    if library is None:
        pytest.skip("%s came without its shared library" % python.tag)
    target = start(place, python, compile_program("loader"), library, library)
    why = inspect(target.pid)["why_not"]
    assert "2 CPythons at once" in why["message"] and library in why["message"] and why["hint"]


def test_a_second_library_that_was_not_started_is_no_matter(python: Interpreter, place, look) -> None:
    library = Libraries(python).shared
    if library is None:
        pytest.skip("%s came without its shared library" % python.tag)
    code = "import ctypes; LIBRARY = ctypes.CDLL(%r); %s" % (library, PROGRAM)
    assert look(place([python.exe, "-c", code]).pid).facts["objects"] > 5_000


MANY = "KEPT = [{'number': i} for i in range(20000)]; " + PROGRAM
ALLOCATORS = {"jemalloc": "libjemalloc.so.2", "tcmalloc": "libtcmalloc_minimal.so.4", "mimalloc": "libmimalloc.so.2"}


def memory_of(pid: int) -> Dict:
    command = [sys.executable, "-m", "unleak", "memory", str(pid), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1] / "python")}
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def check_ledger(report: Dict, own_pools: bool, objects: int = 4 << 20) -> None:
    """Nothing is counted twice, little is left over, and free pools are told only where there are pools."""
    rows = {row["what"]: row["bytes"] for row in report["ledger"]}
    rss = report["rss"]
    assert sum(rows.values()) + report["unexplained"] == pytest.approx(rss, rel=0.01), report
    assert report["unexplained"] <= 0.05 * rss, report
    # The blocks of an allocator that is not known are not told apart from the objects in them.
    assert rows.get("live Python objects", 0) + rows.get("other allocator with objects", 0) >= objects, rows
    assert ("free inside pools" in rows) == own_pools, rows


THREADS = """
import os, sys, threading
KEPT = [{'number': i} for i in range(3000)]
def work():
    while True: sum(range(500))
for _ in range(3): threading.Thread(target=work, daemon=True).start()
os.write(1, b'ready\\n'); os.read(0, 1); os._exit(0)
"""


def test_on_musl(place, look) -> None:
    """Threads that hold the interpreter's lock all the time, on another C library."""
    found = sorted((interpreters.fetched_root() / "musl" / "bin").glob("python3.*"))
    if not found:
        pytest.skip("no CPython on musl here: tools/get_musl_python.sh makes one")
    target = place([str(found[0]), "-S", "-c", THREADS])
    for options in ([], [], ["--reader"], ["--copy", "--max-pause", "5000"]):
        snapshot = look(target.pid, *options)
        assert snapshot.facts["objects"] > 8_000 and snapshot.facts["faults"] == 0
        assert len(snapshot.threads()) == 4 and all(thread["native_id"] for thread in snapshot.threads())
    check_ledger(memory_of(target.pid), own_pools=True, objects=1 << 20)


def old_pythons() -> Dict[str, str]:
    """Interpreters that are not supported, by what is said of them."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = {}
    for folder in sorted(root.glob("*")):
        version = re.fullmatch(r"(2\.7|3\.[678])\.\d+", folder.name)
        if version and (folder / "bin" / ("python" + version[1])).exists():
            found["Python " + version[1]] = str(folder / "bin" / ("python" + version[1]))
    if shutil.which("pypy3"):
        found["PyPy"] = shutil.which("pypy3")
    return found


def test_what_is_not_supported_is_refused_by_name(place, inspect) -> None:
    others = old_pythons()
    if not others:
        pytest.skip("no interpreter here that is not supported")
    for what, exe in others.items():
        why = inspect(place([exe, "-c", PROGRAM.replace("b'", "'") if "2.7" in what else PROGRAM]).pid)["why_not"]
        assert "the process runs %s" % what in why["message"], why
        assert "CPython 3.9 to 3.15" in why["hint"]


@pytest.mark.parametrize(
    "tag, setting",
    [("3.9", "debug"), ("3.9", "malloc"), ("3.12", "pymalloc_debug"), ("3.12", "malloc_debug"), ("3.15", "debug")],
)
def test_allocators_of_python(tag: str, setting: str, place, look) -> None:
    python = next((one for one in interpreters.interpreters() if one.tag == tag), None)
    if python is None:
        pytest.skip("no CPython %s here" % tag)
    plain = look(place([python.exe, "-S", "-c", MANY]).pid)
    target = place([python.exe, "-S", "-c", MANY], env={**os.environ, "PYTHONMALLOC": setting})
    other = look(target.pid)
    said = any("nobody reaches are not searched" in note for note in other.facts["notes"])
    assert said == ("pymalloc" not in setting and setting != "debug")
    # Under the debug hooks the pools hold the same objects that nobody reaches (interned strings, on 3.12).
    assert abs(other.facts["objects"] - plain.facts["objects"]) <= (1_000 if said else 20)
    check_ledger(memory_of(target.pid), own_pools=not said)


@pytest.mark.parametrize("name", sorted(ALLOCATORS))
@pytest.mark.parametrize("setting", ["", "malloc"])
def test_allocators_of_others(name: str, setting: str, place, look) -> None:
    library = Path("/usr/lib/x86_64-linux-gnu") / ALLOCATORS[name]
    if not library.exists():
        pytest.skip("%s is not installed" % name)
    environment = {**os.environ, "LD_PRELOAD": str(library), **({"PYTHONMALLOC": setting} if setting else {})}
    target = place([os.path.realpath(sys.executable), "-S", "-c", MANY], env=environment)
    snapshot = look(target.pid)
    assert snapshot.facts["objects"] > 45_000
    assert any("not a glibc that is known" in note for note in snapshot.facts["notes"])
    check_ledger(memory_of(target.pid), own_pools=not setting)
