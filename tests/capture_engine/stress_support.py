"""What the stress runs share: the probe's build, busy targets with a heartbeat, what is left of them afterwards."""

import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

REPOSITORY = Path(__file__).resolve().parents[2]
BUSY = REPOSITORY / "tests" / "capture_engine" / "busy.py"
sys.path.insert(0, str(REPOSITORY / "tests"))

WITH_CHILDREN = ("children", "prefork")
"""Kinds of program that have children of their own."""

GOES_ON_S = 20.0
"""A target that does not beat for so long is taken to be stopped."""

STARTS_S = 180.0
"""So long a target may take to start and to build its heap, on a machine that has much else to do."""


def build_probe(folder: Optional[str] = None) -> Path:
    """The probe with kill points, built if it is not up to date (in build/stress), or the one that `folder` holds."""
    if folder and Path(folder).is_file():
        return Path(folder).resolve()
    build = Path(folder) if folder else REPOSITORY / "build" / "stress"
    configure = ["cmake", "-S", str(REPOSITORY), "-B", str(build), "-G", "Ninja"]
    configure += ["-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DUNLEAK_KILL_POINTS=ON", "-DUNLEAK_TESTS=ON"]
    subprocess.run(configure, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", str(build), "capture_probe"], check=True, stdout=subprocess.DEVNULL)
    return build / "tests" / "capture_engine" / "capture_probe"


def numpy_python(tag: str, python: str) -> Optional[str]:
    """An interpreter of `tag` with numpy: itself, that of an environment that is there, or one made for it once; None if there is none."""
    made = Path.home() / ".cache" / "unleak" / "numpy" / tag
    places = [
        python,
        str(Path.home() / ".cache" / "unleak" / "packages" / tag / "bin" / "python"),
        str(made / "bin" / "python"),
    ]
    for place in places:
        if os.access(place, os.X_OK) and _has_numpy(place):
            return place
    subprocess.run([python, "-m", "venv", "--clear", str(made)], check=True)
    install = [
        places[-1],
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
        "numpy",
    ]
    return places[-1] if subprocess.run(install, check=False).returncode == 0 and _has_numpy(places[-1]) else None


def _has_numpy(python: str) -> bool:
    return subprocess.run([python, "-c", "import numpy"], stderr=subprocess.DEVNULL).returncode == 0


def children_of(pid: int) -> List[int]:
    """Pids of the children of all threads of a process."""
    return [int(child) for task in Path("/proc/%d/task" % pid).glob("*/children") for child in _read(task).split()]


class Beats(NamedTuple):
    """The heartbeat file of a target."""

    work: int
    checks: int
    wrong: int


class BusyTarget:
    """One running busy.py."""

    def __init__(self, python: str, kind: str):
        self.kind = kind
        self._folder = tempfile.TemporaryDirectory(prefix="unleak-stress-")
        self._path = os.path.join(self._folder.name, "beats")
        Path(self._path).write_bytes(bytes(16))
        self._errors = open(os.path.join(self._folder.name, "errors"), "w+")
        command = [python, str(BUSY), kind, self._path]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self._errors)
        self.pid = self._process.pid
        if not self.goes_on(Beats(0, 0, 0), STARTS_S):
            raise RuntimeError("%s %s did not start: %s" % (python, kind, self.story()))

    def beats(self) -> Beats:
        return Beats(*struct.unpack("<QII", Path(self._path).read_bytes()))

    def running(self) -> bool:
        return self._process.poll() is None

    def goes_on(self, since: Beats, limit_s: float = GOES_ON_S) -> bool:
        """Waits until both loops have beaten again; False if the target ended or stands still."""
        end = time.monotonic() + limit_s
        while self.running() and time.monotonic() < end:
            now = self.beats()
            if now.work > since.work and (now.checks > since.checks or self.kind in WITH_CHILDREN):
                return True
            time.sleep(0.002)
        return False

    def harm(self, since: Beats) -> str:
        """What is wrong with the target, "" if nothing is."""
        if not self.goes_on(since):
            return "ended with %s" % self._process.poll() if not self.running() else "stands still"
        wrong = self.beats().wrong
        return "computed wrongly (%d)" % wrong if wrong else ""

    def story(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-500:]

    def children(self) -> Tuple[List[int], int]:
        """Pids of its running children that are not its own doing, and the number of zombies."""
        running, zombies = [], 0
        for child in children_of(self.pid):
            state = _read(Path("/proc/%d/stat" % child)).rpartition(")")[2].split()[:1]
            if state and state[0] in "ZX":
                zombies += 1
            elif state and self.kind not in WITH_CHILDREN:
                running.append(child)
        return running, zombies

    def stopped(self) -> int:
        """Threads that stand still under a tracer, or by a signal."""
        states = [
            _read(task / "stat").rpartition(")")[2].split()[:1] for task in Path("/proc/%d/task" % self.pid).iterdir()
        ]
        return sum(1 for state in states if state and state[0] in "tT")

    def close(self) -> None:
        if self.running():
            self._process.kill()
        self._process.wait()
        self._errors.close()
        self._folder.cleanup()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


class ProbeResult(NamedTuple):
    """What one run of the probe said."""

    killed: bool
    ok: bool
    facts: Dict[str, str]
    text: str


def run_probe(
    probe: Path, pid: int, *arguments: str, kill_point: Optional[int] = None, kill_after_s: Optional[float] = None
) -> ProbeResult:
    """Runs the probe on `pid`; kills it at a kill point, or after a while."""
    environment = dict(os.environ)
    if kill_point is not None:
        environment["UNLEAK_KILL_POINT"] = str(kill_point)
    command = [str(probe), str(pid), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        process.kill()
    try:
        text = process.communicate(timeout=60)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        text = process.communicate()[0] + "\nthe probe did not end in 60 s"
    facts = dict(word.split("=", 1) for word in text.split("\n", 1)[0].split() if "=" in word)
    return ProbeResult(
        process.returncode == -signal.SIGKILL, process.returncode == 0 and text.startswith("ok"), facts, text
    )


def run_tool(
    tool: Sequence[str],
    pid: int,
    out: Path,
    kill_after_s: Optional[float] = None,
    environment: Optional[Dict[str, str]] = None,
) -> ProbeResult:
    """A whole look by the command `tool`, which has `snapshot`, written to `out`; may be killed after a while. Facts have the probe's names."""
    command = [*tool, "snapshot", str(pid), "-o", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        process.kill()
    try:
        text = process.communicate(timeout=120)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        text = process.communicate()[0] + "\nthe look did not end in 120 s"
    if process.returncode != 0:
        return ProbeResult(process.returncode == -signal.SIGKILL, False, {}, text)
    if not text.startswith("{"):
        return ProbeResult(False, True, {}, text)
    said = json.loads(text)
    facts = {"stop": said["stop"], "retakes": str(said["retakes"]), "pause_us": str(int(said["pause_ms"] * 1000))}
    return ProbeResult(False, said["objects"] > 1000, facts, text)
