#!/usr/bin/env python3
"""The demonstration: a real web service with a known leak, found in the running process; then its fixed release, clean.

A small order service (service.py) on bottle and waitress, under a bounded load over the loopback device, runs with
structlog 25.5.0, whose module dict structlog._output.WRITE_LOCKS keeps every file ever logged to (hynek/structlog#807),
and then with 26.1.0, which has the fix. Packages come from PyPI into virtual environments that are kept under
build/demo. The exit status is 0 when both answers were right, 1 when one was wrong, 3 when it could not be done.
"""
from __future__ import annotations

import argparse
import glob
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENVIRONMENTS = ROOT / "build" / "demo"
COMMON = ["bottle==0.13.4", "waitress==3.0.2"]
LEAKY, FIXED = "structlog==25.5.0", "structlog==26.1.0"
OLDEST = (3, 10)        # what structlog 26.1.0 runs on
CULPRIT = "WRITE_LOCKS[file] = lock"


class CannotDo(Exception):
    """The demonstration cannot go on, through no fault of either release."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--python", help="interpreter of the service, 3.10 or newer (this one, else one of PATH or pyenv)")
    parser.add_argument("--duration", type=float, default=20, help="longest time to look at each release, in seconds (20)")
    parser.add_argument("--rate", type=float, default=60, help="orders a second (60)")
    args = parser.parse_args()
    try:
        python = args.python or find_python()
        right = [demonstrate(python, LEAKY, args, judge_leaky), demonstrate(python, FIXED, args, judge_fixed)]
    except CannotDo as problem:
        print("demo: %s" % problem, file=sys.stderr)
        return 3
    print("\nBoth answers are right." if all(right) else "\nAn answer is wrong.")
    return 0 if all(right) else 1


def demonstrate(python: str, release: str, args: argparse.Namespace, judge: Any) -> bool:
    """One release: service, load, diagnosis; True when the diagnosis is as it must be."""
    exe = environment(python, release)
    with service(exe) as (process, port), load(port, args.rate):
        say("a service with %s runs as pid %d; unleak diagnose %d" % (release, process.pid, process.pid))
        document = diagnose(process.pid, args.duration)
        if process.poll() is not None:
            print("The service did not survive: status %d" % process.returncode)
            return False
    problems = judge(document, exe)
    for problem in problems:
        print("wrong: " + problem)
    return not problems


def diagnose(pid: int, duration: float) -> Dict[str, Any]:
    """What unleak says about a process; printed as a person sees it, returned as the document."""
    command = [sys.executable, "-m", "unleak", "diagnose", str(pid), "--json", "--duration", str(duration)]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    done = subprocess.run(command, stdout=subprocess.PIPE, env=env, timeout=duration + 120)
    if done.returncode not in (0, 1):
        raise CannotDo("unleak ended with status %d" % done.returncode)
    document = json.loads(done.stdout)
    sys.path.insert(0, str(ROOT / "python"))
    from unleak.cli.render import render
    print(render(document, sys.stdout.isatty(), os.getcwd()))
    return document


def judge_leaky(document: Dict[str, Any], exe: str) -> List[str]:
    """The leak must be named: verdict, container with its path, and the line that stores into it."""
    if document["verdict"] != "leak" or not document["findings"]:
        return ["the verdict is %s, the service leaks" % document["verdict"]]
    finding = document["findings"][0]
    holder = (finding.get("holder") or {}).get("text") or ""
    places = [(os.path.realpath(p.get("file") or ""), p.get("line")) for p in finding["sites"]["stored"]]
    problems = [] if "structlog._output.WRITE_LOCKS" in holder else ["the holder is %r, not structlog._output.WRITE_LOCKS" % holder]
    if culprit(exe) not in places[:3]:
        problems.append("the line is not named: %s is not in %s" % (culprit(exe), places[:3]))
    return problems


def judge_fixed(document: Dict[str, Any], exe: str) -> List[str]:
    return [] if document["verdict"] in ("clean", "not_a_leak") else ["the verdict is %s, this release does not leak" % document["verdict"]]


def culprit(exe: str) -> Any:
    """File and line of the store that leaks, in the installed package."""
    path = glob.glob(os.path.join(os.path.dirname(os.path.dirname(exe)), "lib", "python3*", "site-packages", "structlog", "_output.py"))[0]
    lines = Path(path).read_text().splitlines()
    return os.path.realpath(path), next(n for n, line in enumerate(lines, 1) if line.strip() == CULPRIT)


@contextmanager
def service(exe: str) -> Iterator[Any]:
    """The running service and its port; ended with the block."""
    with tempfile.TemporaryDirectory(prefix="unleak-demo-") as folder:
        process = subprocess.Popen([exe, str(HERE / "service.py"), folder], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            ready = process.stdout.readline().split()
            if ready[:1] != ["READY"]:
                raise CannotDo("the service did not start")
            yield process, int(ready[1])
        finally:
            process.terminate()
            process.wait()


@contextmanager
def load(port: int, rate: float) -> Iterator[None]:
    """`rate` orders a second over one connection while the block runs."""
    stop = threading.Event()
    thread = threading.Thread(target=send_orders, args=(port, rate, stop), daemon=True)
    thread.start()
    time.sleep(2)       # imports and first requests are over
    try:
        yield
    finally:
        stop.set()
        thread.join()


def send_orders(port: int, rate: float, stop: threading.Event) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    number = 0
    while not stop.wait(1 / rate):
        number += 1
        body = json.dumps({"lines": [{"sku": k, "count": 1} for k in range(5)]})
        try:
            connection.request("POST", "/orders/%d" % number, body, {"Content-Type": "application/json"})
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            connection.close()      # the next request opens it again
    connection.close()


def environment(python: str, release: str) -> str:
    """The Python of a virtual environment that has the release; made once."""
    folder = ENVIRONMENTS / release.replace("==", "-")
    exe, ready = folder / "bin" / "python", folder / "ready"
    if ready.exists() and ready.read_text() == python and exe.exists():
        return str(exe)
    say("installing %s and %s from PyPI" % (", ".join(COMMON), release))
    shutil.rmtree(folder, ignore_errors=True)
    call([python, "-m", "venv", str(folder)])
    call([str(exe), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *COMMON, release])
    ready.write_text(python)
    return str(exe)


def call(command: List[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise CannotDo("%s failed:\n%s" % (" ".join(command), done.stdout[-2000:]))


def find_python() -> str:
    """An interpreter that is new enough for the fixed release and can make virtual environments."""
    pyenv = os.path.join(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv"), "versions")
    names = ["python3"] + ["python3.%d" % minor for minor in range(14, OLDEST[1] - 1, -1)]
    candidates: List[Optional[str]] = [getattr(sys, "_base_executable", None) or sys.executable, *map(shutil.which, names),
                                       *sorted(glob.glob(os.path.join(pyenv, "3.1[0-4]*", "bin", "python3")))]
    probe = "import sys, venv, ensurepip; sys.exit(not sys.version_info >= %r)" % (OLDEST,)
    for exe in candidates:
        if exe and subprocess.run([exe, "-c", probe], stderr=subprocess.DEVNULL).returncode == 0:
            return os.path.realpath(exe)
    raise CannotDo("no Python %d.%d or newer with venv was found; name one with --python" % OLDEST)


def say(text: str) -> None:
    print("==> " + text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
