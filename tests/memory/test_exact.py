"""The ledger's figures are those of the allocators themselves, to the byte, and its parts add up."""

import struct
import subprocess
import time
from pathlib import Path

from interpreters import Interpreter

HERE = Path(__file__).resolve().parent


def start(interpreter: Interpreter, figures: Path) -> "subprocess.Popen[bytes]":
    figures.write_bytes(b"\0" * 4096)
    target = subprocess.Popen(
        [interpreter.exe, str(HERE / "exact_target.py"), str(figures)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert target.stdout is not None and target.stdout.readline() == b"READY\n"
    # It stands still when its main thread waits in read(2).
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if Path("/proc/%d/syscall" % target.pid).read_text().startswith("0 0x0 "):
            return target
        time.sleep(0.01)
    raise AssertionError("the target does not come to rest")


def test_malloc_to_the_byte(interpreter: Interpreter, memory_of, tmp_path: Path) -> None:
    target = start(interpreter, tmp_path / "figures")
    try:
        memory = memory_of(target.pid)
        arena, chunks, mapped, used, free, blocks, minor = struct.unpack_from(
            "<7Q", (tmp_path / "figures").read_bytes()
        )
    finally:
        target.communicate(b"x", timeout=60)
    assert target.returncode == 0
    malloc = memory["malloc"]
    assert malloc["system"] == arena
    assert (malloc["mapped"], malloc["mapped_chunks"]) == (mapped, chunks)
    assert malloc["free"] + malloc["top"] + malloc["fast_bins"] == free
    assert malloc["system"] - malloc["free"] - malloc["top"] - malloc["fast_bins"] == used
    assert malloc["arenas"] >= 2
    if minor < 42:  # the caches of newer ones have another layout: what they hold counts as used
        assert malloc["cached"] > 0
    # All that the arenas have is used, free, or their own headers.
    in_chunks = (
        malloc["used_native"] + malloc["used_by_objects"] - mapped + malloc["cached"] + malloc["free"] + malloc["top"]
    )
    assert 0 <= arena - in_chunks <= 4096 * malloc["arenas"]
    if not interpreter.free_threaded:
        assert 0 <= blocks - memory["pymalloc"]["blocks"] <= 0.1 * blocks  # larger ones are malloc's


def test_the_parts_add_up(interpreter: Interpreter, memory_of, tmp_path: Path) -> None:
    target = start(interpreter, tmp_path / "figures")
    try:
        memory = memory_of(target.pid)
        resident = 0
        for line in Path("/proc/%d/smaps_rollup" % target.pid).read_text().splitlines():
            if line.startswith("Rss:"):
                resident = int(line.split()[1]) << 10
    finally:
        target.communicate(b"x", timeout=60)
    assert target.returncode == 0
    assert sum(part["bytes"] for part in memory["ledger"]) + memory["unexplained"] == memory["rss"]
    assert abs(memory["rss"] - resident) <= 0.02 * resident
    assert memory["explained"] >= 0.97
    # 32 MiB were mapped and 5 MiB malloc'ed that nobody has touched: they cost nothing.
    native = next(part for part in memory["ledger"] if part["what"] == "native malloc")
    assert native["allocated"] - native["bytes"] >= 5_000_000
