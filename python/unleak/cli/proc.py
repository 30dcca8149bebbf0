"""The little that is read from /proc here: whether a process is there, what it is called, how much is resident.
Everything deeper is the capture helper's."""
from __future__ import annotations

import os
import time
from typing import Dict, List, Optional

PAGE = os.sysconf("SC_PAGE_SIZE")


def _read(pid: int, name: str) -> str:
    try:
        with open("/proc/%d/%s" % (pid, name), "rb") as file:
            return file.read(65536).decode("utf-8", "replace")
    except OSError:
        return ""


def stat_fields(pid: int) -> List[str]:
    """The fields of /proc/PID/stat from the state on ([] when there is no such process): proc(5) field 3 is index 0."""
    return _read(pid, "stat").rpartition(")")[2].split()


def alive(pid: int) -> bool:
    """There, and not only waiting for its parent to collect its status."""
    fields = stat_fields(pid)
    return bool(fields) and fields[0] not in ("Z", "X")


def started(pid: int) -> Optional[float]:
    """When it started, in seconds since the epoch, to a hundredth; None when that cannot be told."""
    fields = stat_fields(pid)
    if len(fields) <= 19:
        return None
    lived = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.time() - lived


def parent(pid: int) -> int:
    """The pid of its parent, 0 when that cannot be told."""
    fields = stat_fields(pid)
    return int(fields[1]) if len(fields) > 1 else 0


def stack_start(pid: int) -> int:
    """Where its first stack begins: fork() keeps it, exec() draws a new one. 0 when that is not to be had (it needs the right
    to trace)."""
    fields = stat_fields(pid)
    return int(fields[25]) if len(fields) > 25 else 0


def memory(pid: int) -> Optional[Dict[str, int]]:
    """Its resident bytes by who has them (smaps_rollup): its own alone, those that other processes have too, and the share of
    both that is fair to count (pss). None when that is not to be had."""
    found: Dict[str, int] = {}
    for line in _read(pid, "smaps_rollup").splitlines()[1:]:
        name, _, rest = line.partition(":")
        found[name] = int(rest.split()[0]) * 1024
    if "Pss" not in found:
        return None
    return {"private": found.get("Private_Clean", 0) + found.get("Private_Dirty", 0),
            "shared": found.get("Shared_Clean", 0) + found.get("Shared_Dirty", 0), "pss": found["Pss"]}


def folder(pid: int) -> str:
    """Its working directory, as it is called under its own root; "" when that cannot be told."""
    try:
        return os.readlink("/proc/%d/cwd" % pid)
    except OSError:
        return ""


def resident(pid: int) -> int:
    """Resident bytes, 0 for a process that has gone."""
    fields = _read(pid, "statm").split()
    return int(fields[1]) * PAGE if len(fields) > 1 else 0


def name(pid: int) -> str:
    return _read(pid, "comm").rstrip("\n")


def high_water(pid: int) -> int:
    """The most that ever was resident, in bytes, as the kernel counted it (VmHWM); 0 when it is not to be had."""
    for line in _read(pid, "status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
