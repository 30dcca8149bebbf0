"""Programs with an extension that forgets references, and how they are looked at. Used by the tests and by stress_lost.py.

The target obeys lines on its standard input: `TYPE N` loses N objects of a type (or makes and drops as many, where it is
the clean twin), and answers DONE.
"""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Dict, List, Optional

from interpreters import Interpreter
from targets import Target, start_target

ROOT = Path(__file__).resolve().parents[2]
STEPS = (10, 20, 30, 40)
"""Objects that are lost between two looks; 100 in all. More each time, so that a slow look does not look like an end."""

EXPECTED = {
    "instance": "app.Session",
    "held": "app.Session",
    "single": "app.Session",
    "str": "str",
    "bytes": "bytes",
    "int": "int",
    "float": "float",
    "tuple": "tuple",
    "dict": "dict",
    "list": "list",
    "error": "tuple",
}
"""What is lost by each command, as the finding should name it."""

PROGRAM = r"""
import gc, sys, types
import leaky

class Session:
    def __init__(self, i):
        self.name = "session %d" % i

Session.__module__ = "app"
lose, fail = (leaky.lose, leaky.fail) if sys.argv[1] == "leak" else (leaky.keep, leaky.drop)
sys.modules["store"] = types.ModuleType("store")  # not in the frame that runs: that would be a holder of its own
sys.modules["store"].heap = [{"key": i, "more": [i * 1.5, "text %d" % i, (i, str(i))]} for i in range(int(sys.argv[2]) // 7)]  # seven objects each
held = [Session(i) for i in range(100)]
used = 0

def error(i):
    try:
        fail("payload %d" % i)
    except ValueError:
        pass

ACTIONS = {
    "instance": lambda i: lose(Session(i)),
    "held": lambda i: lose(held[i]),
    "single": lambda i: lose(held[7]),
    "str": lambda i: lose("a lost text %d" % i),
    "bytes": lambda i: lose(b"lost bytes %d" % i),
    "int": lambda i: lose(10**20 + i),
    "float": lambda i: lose(i + 0.25),
    "tuple": lambda i: lose((i + 1000, "x%d" % i)),
    "dict": lambda i: lose({"a key": "value %d" % i}),
    "list": lambda i: lose(["item %d" % i]),
    "error": error,
}
gc.collect()
print("READY", flush=True)
done = {}
for line in iter(sys.stdin.readline, ""):
    what, count = line.split()
    action, start = ACTIONS[what], done.get(what, 0)
    for i in range(start, start + int(count)):
        action(i)
    done[what] = start + int(count)
    sum(range(200000))
    print("DONE", flush=True)
"""


def build_extension(python: Interpreter, folder: Path, compiler: str) -> Path:
    """Compiles leaky.c for this interpreter; the folder to put on its path."""
    ask = "import sysconfig; print(sysconfig.get_paths()['include']); print(sysconfig.get_config_var('EXT_SUFFIX'))"
    include, suffix = subprocess.run([python.exe, "-c", ask], check=True, capture_output=True, text=True).stdout.split()
    if not (Path(include) / "Python.h").is_file():
        raise FileNotFoundError(include)
    module = folder / ("leaky" + suffix)
    source = str(Path(__file__).with_name("leaky.c"))
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-g", "-I" + include, source, "-o", str(module)], check=True)
    return folder


def start(python: Interpreter, extension: Path, leaks: bool, objects: int) -> Target:
    target = start_target(
        python.exe, PROGRAM, [("leak" if leaks else "clean"), str(objects)], env={"PYTHONPATH": str(extension)}
    )
    target.wait_ready(600)
    return target


def look(pid: int, file: Path) -> Path:
    program = os.environ.get("UNLEAK_CAPTURE") or str(ROOT / "python" / "unleak" / "_native" / "unleak-capture")
    ran = subprocess.run(
        [program, "snapshot", str(pid), "-o", str(file), "--raw", "--max-pause", "5000"], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return file


def lose_and_look(target: Target, what: str, folder: Path, first: Optional[Path] = None) -> List[Path]:
    """Looks before, between and after the steps; `first` is taken for the look before. `what`: one kind or several ("str+int")."""
    files = [first or look(target.pid, folder / "0.unleak")]
    for number, count in enumerate(STEPS, 1):
        for kind in what.split("+"):
            assert target.ask("%s %d" % (kind, count), 600) == "DONE"
        files.append(look(target.pid, folder / ("%s-%d.unleak" % (what, number))))
    return files


def unleak(*arguments: str) -> str:
    env = dict(os.environ, PYTHONPATH=str(ROOT / "python"))
    ran = subprocess.run(
        [sys.executable, "-P" if sys.version_info >= (3, 11) else "-s", "-m", "unleak", *arguments],
        capture_output=True,
        text=True,
        env=env,
    )
    assert ran.returncode in (0, 1), ran.stderr
    return ran.stdout


def diagnose(files: List[Path]) -> Dict:
    return json.loads(unleak("diagnose", "--json", *map(str, files)))


def lost_of(finding: Dict) -> int:
    """Objects or references that the finding says were lost over its looks."""
    series = finding["growth"]["references"]
    return series[-1] - series[0]


def compiler() -> str:
    return sysconfig.get_config_var("CC").split()[0] if sysconfig.get_config_var("CC") else "cc"
