"""Looks by a tool that was built with sanitizers: does it do anything undefined, race, or lose memory of its own?

stress_sanitized.py [--builds asan,tsan] [--rounds N] [--damaged N] [--pythons 3.12,3.13t] [--ways whole,core] [--seed TEXT]
                    [--state FILE] [--built FOLDER]

Each build is a preset of CMakePresets.json; it is made first, or taken from FOLDER/BUILD/unleak-capture. Under every
interpreter real programs are looked at in every way: a walk with all parts, without the ledger, by the reader, by a
copy of the memory, several times with the watches of allocators and counts by `serve`, over a tree of processes, from a core
file; and targets that cannot be looked at, or end in the middle. Then --damaged (default 12) core files of each interpreter
whose heap was overwritten by chance, or that were cut: the tool has to end with a look or a reason.

What is instrumented: all of unleak-capture and the libraries it is made of, also inside the window in which it drives the
target's thread. What is not: the walker, which is mapped into the clone as it ships, and zstd.

Exit status 1 if a sanitizer reported anything, a target was harmed, or the tool ended in a way it must not.
"""

import argparse
import collections
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Counter, Dict, List, Optional, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "capture_engine"))
import stress_support  # noqa: E402

import interpreters  # noqa: E402

REPORT_STATUS = 77
"""With which the tool ends when a sanitizer found something."""

ENVIRONMENT = {
    "ASAN_OPTIONS": "exitcode=%d:detect_leaks=1:detect_stack_use_after_return=1:strict_init_order=1" % REPORT_STATUS,
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=%d" % REPORT_STATUS,
    "TSAN_OPTIONS": "exitcode=%d:halt_on_error=1:second_deadlock_stack=1" % REPORT_STATUS,
    "LSAN_OPTIONS": "exitcode=%d" % REPORT_STATUS,
}
MARKS = ("Sanitizer", "runtime error:")
ENDINGS = (0, 2, 3)
"""Statuses that the tool may end with: a look, wrong usage, a reason why not."""

LIMIT_S = 120
WHOLE_WAYS: Dict[str, List[str]] = {
    "whole": [], "exact": ["--exact"], "no ledger": ["--no-ledger"], "reader": ["--reader"], "copy": ["--copy", "--max-extra", "90"],
    "raw": ["--raw", "--argv"],
}  # fmt: skip
KINDS = ["threads", "coroutines", "children", "collect", "subinterpreters", "hold"]


class Ended(Exception):
    """The tool ended as it must not."""


def check(what: str, status: Optional[int], text: str, allowed: Tuple[int, ...] = ENDINGS) -> None:
    if status not in allowed or any(mark in text for mark in MARKS):
        raise Ended("%s: status %s\n%s" % (what, status, text[:6000]))


class Tool:
    """unleak-capture of one sanitized build."""

    def __init__(self, path: Path):
        self.path = path
        self.environment = {**os.environ, **ENVIRONMENT}
        self._folder = tempfile.TemporaryDirectory(prefix="unleak-stress-")
        self.out = Path(self._folder.name) / "look"

    def run(self, what: str, *arguments: str, allowed: Tuple[int, ...] = ENDINGS) -> int:
        ran = subprocess.run([str(self.path), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             errors="replace", env=self.environment, timeout=LIMIT_S)  # fmt: skip
        check(what, ran.returncode, ran.stdout, allowed)
        return ran.returncode

    def look(self, what: str, target: str, *options: str, allowed: Tuple[int, ...] = (0,)) -> int:
        """A look, and if there is one, its check and its other form."""
        self.out.unlink(missing_ok=True)
        status = self.run(what, "snapshot", target, "-o", str(self.out), *options, allowed=allowed)
        if status == 0:
            self.run(what + ", verify", "verify", str(self.out), allowed=(0,))
        return status


class Server:
    """`serve` of a sanitized build, as the command line uses it."""

    def __init__(self, tool: Tool):
        self._errors = tempfile.TemporaryFile("w+", errors="replace")
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(LIMIT_S)
        with theirs:
            command = [str(tool.path), "serve", "--fd", str(theirs.fileno())]
            self._process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], stderr=self._errors, env=tool.environment
            )
        self._buffer = b""

    def ask(self, request: Dict[str, Any]) -> Dict[str, Any]:
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        while b"\n" not in self._buffer:
            more, descriptors, _, _ = socket.recv_fds(self._socket, 65536, 4)
            for descriptor in descriptors:
                os.close(descriptor)
            if not more:
                self.close("serve %s" % request["cmd"])
                raise Ended("serve ended at %s" % request)
            self._buffer += more
        reply, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(reply)

    def close(self, what: str) -> None:
        self._socket.close()
        status = self._process.wait(LIMIT_S)
        self._errors.seek(0)
        check(what, status, self._errors.read(), (0,))


def whole(tool: Tool, python: str, chance: random.Random) -> Counter[str]:
    """All ways to look at one busy program by a command of its own."""
    seen: Counter[str] = collections.Counter()
    kind = chance.choice(KINDS)
    target = stress_support.BusyTarget(python, kind)
    try:
        for name, options in WHOLE_WAYS.items():
            before = target.beats()
            looked = tool.look("%s of %s" % (name, kind), str(target.pid), *options, allowed=(0, 3)) == 0
            seen["looks" if looked else "refused"] += 1
            seen["harmed"] += bool(target.harm(before))
        tool.run("inspect", "inspect", str(target.pid))
        tool.run("diagnose", "diagnose", str(target.pid), "--looks", "2", "--duration", "1", allowed=(0, 1, 3))
        seen["strays"] += len(target.children()[0])
    finally:
        target.close()
    return seen


def served(tool: Tool, python: str, chance: random.Random) -> Counter[str]:
    """Looks of one server: the watches of who allocates and who writes counts, a tree of processes, a started program."""
    seen: Counter[str] = collections.Counter()
    server, target = Server(tool), stress_support.BusyTarget(python, chance.choice(("prefork", "threads", "allocate")))
    try:
        before = target.beats()
        tree = server.ask({"cmd": "descendants", "pid": target.pid})["pids"]
        for pid in [target.pid, *tree]:
            for watch in (False, True):
                seen[
                    "looks" if "objects" in server.ask({"cmd": "look", "pid": pid, "watch": watch}) else "refused"
                ] += 1
        addresses = [0x1000, (1 << 64) - 8, 0x7FFFFFFFE000]
        server.ask({"cmd": "references", "pid": target.pid, "addresses": addresses, "seconds": 0.2})
        seen["harmed"] += bool(target.harm(before))
        started = server.ask(
            {"cmd": "start", "argv": [python, "-c", "x = [[] for _ in range(9**5)]\nwhile 1: x.append(x[:9])"]}
        )["pid"]
        seen["looks"] += "objects" in server.ask({"cmd": "look", "pid": started})
        os.kill(started, signal.SIGKILL)
        server.ask({"cmd": "wait", "pid": started})
        for request in (
            {"cmd": "look", "pid": started},
            {"cmd": "look", "core": "/dev/null"},
            {"cmd": "look", "pid": -1},
            {"cmd": 7},
        ):
            seen["refused"] += "error" in server.ask(request)
        server.close("serve")
    finally:
        target.close()
    return seen


def failing(tool: Tool, python: str, chance: random.Random) -> Counter[str]:
    """Targets that are no Python, are gone, are traced by others, end or are killed while they are looked at."""
    seen: Counter[str] = collections.Counter()
    for name in ("1", "999999999", "0", "x", "/dev/null", sys.executable, "/nowhere"):
        tool.look("a look at " + name, name, allowed=(2, 3))
        seen["refused"] += 1
    sleeper = subprocess.Popen(["sleep", "600"])
    stopped = subprocess.Popen([python, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"])
    try:
        os.waitid(os.P_PID, stopped.pid, os.WSTOPPED | os.WNOWAIT)
        tool.look("no Python", str(sleeper.pid), allowed=(3,))
        tool.look("a stopped one", str(stopped.pid), allowed=(0, 3))
        seen["refused"] += 2
    finally:
        for process in (sleeper, stopped):
            process.kill()
            process.wait()
    for _ in range(3):  # killed in the middle
        target = stress_support.BusyTarget(python, "threads")
        command = [str(tool.path), "snapshot", str(target.pid), "-o", str(tool.out)]
        running = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=tool.environment
        )
        time.sleep(chance.random() * 0.6)
        os.kill(target.pid, signal.SIGKILL)
        try:
            text = running.communicate(timeout=LIMIT_S)[0]
        except subprocess.TimeoutExpired:
            running.kill()
            text = "did not end in %d s\n" % LIMIT_S + running.communicate()[0]
        finally:
            target.close()
        check("a target that is killed", running.returncode, text, (0, 3))
        seen["killed targets"] += 1
    return seen


def core_of(python: str, folder: Path) -> Optional[Path]:
    """A core file of a small program, by gcore."""
    gcore = shutil.which("gcore")
    if gcore is None:
        return None
    program = "import json, asyncio, decimal\nkeep = [{'i': i, 'l': [i, (i,)]} for i in range(2000)]\nprint('ready', flush=True)\ninput()"
    target = subprocess.Popen([python, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        target.stdout.readline()  # type: ignore[union-attr]
        command = [gcore, "-o", str(folder / "core"), str(target.pid)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=LIMIT_S)
    finally:
        target.kill()
        target.communicate()
    return folder / ("core.%d" % target.pid)


def damage(core: Path, chance: random.Random) -> Tuple[str, Callable[[], None]]:
    """Overwrites a few words of a core file by chance; the way back. Words become others of the file, sizes, addresses next to them."""
    size = core.stat().st_size
    old: List[Tuple[int, bytes]] = []
    count = chance.choice((1, 8, 100, 2000, 20000))
    headers = chance.random() < 0.25
    with open(core, "r+b") as file:
        for _ in range(count):
            at = chance.randrange(0, 4096 if headers else size - 8) & ~7
            file.seek(at)
            word = file.read(8)
            file.seek(chance.randrange(0, size - 8) & ~7)
            other = file.read(8)
            near = (int.from_bytes(word, "little") + chance.choice((-1, 1, 8, 16, 4096, 1 << 32))) % (1 << 64)
            new = chance.choice(
                (
                    other,
                    near.to_bytes(8, "little"),
                    b"\xff" * 8,
                    bytes(8),
                    (1 << chance.randrange(64)).to_bytes(8, "little"),
                )
            )
            old.append((at, word))
            file.seek(at)
            file.write(new)

    def restore() -> None:
        with open(core, "r+b") as file:
            for at, word in reversed(old):
                file.seek(at)
                file.write(word)

    return "%d words of %s" % (count, "the headers" if headers else "the memory"), restore


def cores(tool: Tool, python: str, chance: random.Random, damaged: int) -> Counter[str]:
    """A core file as it is, cut short, and damaged again and again."""
    seen: Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory(prefix="unleak-stress-") as folder:
        core = core_of(python, Path(folder))
        if core is None:
            print("gcore is not there: no core files", flush=True)
            return seen
        tool.look("a core", str(core))
        seen["cores"] += 1
        cut = Path(folder) / "cut"
        for share in (0.0, 0.001, 0.5, 0.999):
            with open(core, "rb") as file:
                cut.write_bytes(file.read(int(core.stat().st_size * share)))
            tool.look("a core cut short", str(cut), allowed=(3,))
            seen["cut cores"] += 1
        for _ in range(damaged):
            what, restore = damage(core, chance)
            status = tool.look("a core with %s overwritten" % what, str(core), allowed=(0, 3))
            seen["damaged cores, %s" % ("looked at" if status == 0 else "refused")] += 1
            restore()
    return seen


def build(preset: str, built: Optional[Path]) -> Path:
    if built:
        return (built / preset / "unleak-capture").resolve()
    subprocess.run(["cmake", "--preset", preset], cwd=stress_support.REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    command = ["cmake", "--build", "--preset", preset, "--target", "unleak-capture"]
    subprocess.run(command, cwd=stress_support.REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    return stress_support.REPOSITORY / "build" / preset / "src" / "tools" / "unleak-capture"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--builds", default="asan,tsan")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--damaged", type=int, default=12, metavar="N", help="damaged core files, each interpreter and round"
    )
    parser.add_argument("--pythons", default="")
    parser.add_argument("--ways", default="whole,served,failing,cores")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--state", type=Path)
    parser.add_argument(
        "--built", type=Path, metavar="FOLDER", help="of builds that are there already: FOLDER/asan/unleak-capture"
    )
    options = parser.parse_args()
    ways: Dict[str, Callable[..., Counter[str]]] = {
        "whole": whole,
        "served": served,
        "failing": failing,
        "cores": cores,
    }
    done: Dict[str, Dict[str, int]] = (
        json.loads(options.state.read_text()) if options.state and options.state.exists() else {}
    )
    wrong = 0
    for preset in options.builds.split(","):
        tool = Tool(build(preset, options.built))
        for number in range(options.rounds):
            for python in interpreters.interpreters():
                for way in options.ways.split(","):
                    key = "%s %s %s %d" % (preset, python.tag, way, number)
                    if key in done or (options.pythons and python.tag not in options.pythons.split(",")):
                        continue
                    more = [options.damaged] if way == "cores" else []
                    try:
                        counts = ways[way](tool, python.exe, random.Random("%s %s" % (options.seed, key)), *more)
                        done[key] = {name: count for name, count in counts.items() if count}
                    except (Ended, subprocess.TimeoutExpired) as problem:
                        wrong += 1
                        done[key] = {"reports": 1}
                        print("  WRONG: %s" % problem, flush=True)
                    print(key, done[key], flush=True)
                    if options.state:
                        options.state.write_text(json.dumps(done, indent=1))
    total: Counter[str] = collections.Counter()
    for counts in done.values():
        total.update(counts)
    print("all:", dict(total))
    return (
        1
        if wrong or total["reports"] or total["harmed"] or total["strays"] or not total["looks"] + total["cores"]
        else 0
    )


if __name__ == "__main__":
    sys.exit(main())
