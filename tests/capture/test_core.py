"""A core file against the walker in the twin of the same process, which waits meanwhile: the same heap, to the last edge."""

import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest
from interpreters import Interpreter
from places import HERE, Target
from raw_snapshot import Snapshot

GCORE = shutil.which("gcore")
ZSTD = shutil.which("zstd")
CORE_PATTERN = Path("/proc/sys/kernel/core_pattern").read_text().strip()


class Waiting(Target):
    """A target that may leave a core file in the folder where it runs."""

    def __init__(self, command: List[str], folder: Path):
        def allow_core() -> None:
            hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
            resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder, preexec_fn=allow_core
        )
        self.first_line = self.process.stdout.readline().decode().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def waiting(interpreter: Interpreter, tmp_path: Path):
    target = Waiting([interpreter.exe, str(HERE / "reference_target.py"), str(tmp_path / "reference")], tmp_path)
    assert target.first_line == "ready"
    yield target
    target.kill()


def gcore(target: Waiting, folder: Path) -> Path:
    if GCORE is None:
        pytest.skip("gdb's gcore is not there")
    ran = subprocess.run(
        [GCORE, "-o", str(folder / "core"), str(target.pid)], capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    return folder / ("core.%d" % target.pid)


def kernel_core(target: Waiting, folder: Path) -> Path:
    if CORE_PATTERN.startswith("|") or "/" in CORE_PATTERN or resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("cores of the kernel do not go to the folder of the program here")
    target.process.send_signal(signal.SIGABRT)
    target.process.wait(60)
    return max(folder.glob("core*"), key=os.path.getmtime)


def heap_of(snapshot: Snapshot) -> dict:
    """By address: all that is told of an object, and its edges."""
    names = snapshot.type_names()
    return {
        address: (
            names[snapshot.type[i]],
            snapshot.size[i],
            snapshot.refcount[i],
            snapshot.flags[i],
            snapshot.length[i],
            sorted((edge.target, edge.edge_class) for edge in snapshot.edges(address)),
        )
        for i, address in enumerate(snapshot.address)
    }


def read_core(capture_tool: str, core: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [capture_tool, "snapshot", str(core), "--raw", "-o", str(core) + ".unleak", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


KERNEL_CORES = ("3.9", "3.12", "3.13t")  # one of each kind is enough: they differ from gcore's in the notes


@pytest.mark.parametrize("make", [gcore, kernel_core])
def test_a_core_holds_what_the_twin_shows(
    make, interpreter: Interpreter, waiting: Waiting, look, capture_tool: str, tmp_path: Path
) -> None:
    if make is kernel_core and interpreter.tag not in KERNEL_CORES:
        return
    walked = look(waiting.pid)
    (tmp_path / "look.unleak").unlink()
    core = make(waiting, tmp_path)
    ran = read_core(capture_tool, core)
    assert ran.returncode == 0, ran.stderr
    facts, read = json.loads(ran.stdout), Snapshot(Path(str(core) + ".unleak"))
    assert facts["producer"] == "core" and facts["pid"] == waiting.pid
    assert facts["objects"] == walked.facts["objects"] > 30_000
    assert facts["edges"] == walked.facts["edges"]
    assert facts["python"] == walked.facts["python"]
    assert not [note for note in facts["notes"] if "guessed" in note or "not known:" in note]
    there, here = heap_of(walked), heap_of(read)
    assert there.keys() == here.keys()
    differ = [(hex(address), there[address], here[address]) for address in there if there[address] != here[address]]
    assert not differ, (len(differ), differ[:3])
    assert sorted(root[:3] for root in walked.roots()) == sorted(root[:3] for root in read.roots())
    assert [f["line"] for f in walked.frames()] == [f["line"] for f in read.frames()]
    assert [t["native_id"] for t in walked.threads()] == [t["native_id"] for t in read.threads()]


@pytest.fixture(scope="module")
def one_core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("core")
    target = Waiting([sys.executable, str(HERE / "reference_target.py"), str(folder / "reference")], folder)
    try:
        return gcore(target, folder)
    finally:
        target.kill()


def test_one_that_zstd_has_compressed(one_core: Path, capture_tool: str, tmp_path: Path) -> None:
    if ZSTD is None:
        pytest.skip("zstd is not there")
    packed = tmp_path / "core.zst"
    subprocess.run([ZSTD, "-q", "-1", str(one_core), "-o", str(packed)], check=True, timeout=60)
    plain, ran = read_core(capture_tool, one_core), read_core(capture_tool, packed)
    assert ran.returncode == 0, ran.stderr
    assert Path(str(one_core) + ".unleak").read_bytes()[:-64] == Path(str(packed) + ".unleak").read_bytes()[:-64]
    assert plain.returncode == 0
    packed.write_bytes(packed.read_bytes()[: packed.stat().st_size // 2])
    ran = read_core(capture_tool, packed)
    assert ran.returncode == 3 and "cut short" in ran.stderr and str(packed) in ran.stderr


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.3, 0.99])
def test_one_that_is_cut_short_is_refused(kept: float, one_core: Path, capture_tool: str, tmp_path: Path) -> None:
    cut = tmp_path / "core"
    data = one_core.read_bytes()
    cut.write_bytes(data[: int(len(data) * kept)])
    ran = read_core(capture_tool, cut)
    assert ran.returncode == 3 and not Path(str(cut) + ".unleak").exists()
    if kept > 0.01:
        assert "is cut short" in ran.stderr and "ulimit -c unlimited" in ran.stderr


def test_what_is_missing_is_said(one_core: Path, capture_tool: str, tmp_path: Path) -> None:
    """Below a root where none of the files is there."""
    ran = read_core(capture_tool, one_core, "--root", str(tmp_path))
    told = ran.stderr if ran.returncode else "\n".join(json.loads(ran.stdout)["notes"])
    assert "cannot be opened" in told and "python" in told
    if ran.returncode:
        assert ran.returncode == 3 and "--root DIR" in ran.stderr


def test_files_of_another_build_are_not_believed(one_core: Path, capture_tool: str, tmp_path: Path) -> None:
    data = one_core.read_bytes()
    executable = os.path.realpath(sys.executable)
    libraries = {name for name in (executable, *_mapped(data)) if "python" in os.path.basename(name)}
    for name in libraries:
        copy = tmp_path / name.lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        changed = bytearray(Path(name).read_bytes())
        changed[0x28] ^= 1  # where the sections are: no code changes, but it is another file
        copy.write_bytes(changed)
    ran = read_core(capture_tool, one_core, "--root", str(tmp_path))
    told = ran.stderr if ran.returncode else "\n".join(json.loads(ran.stdout)["notes"])
    assert "than the one that ran" in told


def _mapped(data: bytes) -> List[str]:
    """Paths in the note of mapped files, found by its type."""
    at = data.find(struct.pack("<I", 0x46494C45) + b"CORE\0")
    size = struct.unpack_from("<I", data, at - 4)[0]
    body = data[at + 12 : at + 12 + size]
    count = struct.unpack_from("<Q", body)[0]
    return [name.decode() for name in body[16 + 24 * count :].split(b"\0") if name.startswith(b"/")]


def test_a_core_of_another_program(capture_tool: str, tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            core = gcore(type("Sleeper", (), {"pid": process.pid}), tmp_path)  # type: ignore[arg-type]
        finally:
            process.kill()
    ran = read_core(capture_tool, core)
    assert ran.returncode == 3 and "not a Python program" in ran.stderr and str(core) in ran.stderr


@pytest.mark.parametrize("name", ["text", "program", "folder", "nothing"])
def test_what_is_no_core(name: str, capture_tool: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "text":
        path.write_text("no core\n" * 100)
    elif name == "program":
        path.write_bytes(Path(capture_tool).read_bytes())
    elif name == "folder":
        path.mkdir()
    ran = read_core(capture_tool, path)
    assert ran.returncode in (2, 3) and str(path) in ran.stderr and "unleak-capture:" in ran.stderr


def test_damaged_headers_end_with_words(one_core: Path, capture_tool: str, tmp_path: Path) -> None:
    """Each byte of the header and of the first segments changed: bounded work, an answer, no crash."""
    data = bytearray(one_core.read_bytes())
    damaged = tmp_path / "core"
    damaged.write_bytes(data)
    with damaged.open("r+b") as file:
        for at in [*range(0, 64, 4), *range(64, 64 + 56 * 3, 7)]:
            file.seek(at)
            file.write(bytes([data[at] ^ 0xFF]))
            file.flush()
            ran = read_core(capture_tool, damaged)
            assert ran.returncode in (0, 2, 3), (at, ran.returncode, ran.stderr)
            assert ran.returncode == 0 or ran.stderr.startswith("unleak-capture: ")
            file.seek(at)
            file.write(bytes([data[at]]))
