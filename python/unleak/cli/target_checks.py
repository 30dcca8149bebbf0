"""What `unleak doctor PID` says of one process beyond whether it may be looked at: each row from /proc alone."""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional


class Check(NamedTuple):
    """One answer: what was looked at, "ok", "limited" or "no", what was found, and what to do about it."""

    name: str
    state: str
    found: str
    hint: str = ""


ALLOCATORS = re.compile(r"/lib(jemalloc|tcmalloc\w*|mimalloc)\b[^/]*$", re.M)
GLIBC = re.compile(r"(?<!musl)/libc(\.so\.6|-2\.\d+\.so)( \(deleted\))?$", re.M)
MALLOC_SETTING = re.compile(rb"(?:^|\0)PYTHONMALLOC=([a-z_]*)")


def checks(pid: int, target: Dict[str, Any], folder: str = "/proc") -> List[Check]:
    """The rows of a process that is there; `target` is what the helper knows of it."""
    rows = [row(pid, target, folder) for row in ROWS]
    return [row for row in rows if row is not None]


def namespaces(pid: int, _target: Dict[str, Any], folder: str) -> Optional[Check]:
    other = [name for name in ("user", "pid", "mnt") if _namespace(folder, str(pid), name) != _namespace(folder, "self", name)]
    if not other:
        return Check("namespaces", "ok", "the same as ours")
    return Check("namespaces", "ok", "its own (%s): files are opened below its own root" % ", ".join(other))


def seccomp(pid: int, _target: Dict[str, Any], folder: str) -> Optional[Check]:
    mode = _status(folder, pid).get("Seccomp", "0").strip()
    if mode == "0":
        return Check("its seccomp", "ok", "no filter: it is cloned")
    return Check(
        "its seccomp",
        "limited",
        "a filter: its memory is copied while it stands still, which takes longer than a clone",
        "unleak diagnose %d --max-pause 2000, or run it without the filter (Docker: --security-opt seccomp=unconfined)" % pid,
    )


def python(_pid: int, target: Dict[str, Any], _folder: str) -> Optional[Check]:
    if not target.get("python"):
        return None
    kind = " (free-threaded)" if target.get("free_threaded") else ""
    return Check("its Python", "ok", "CPython %s%s" % (target["python"], kind))


def layout(_pid: int, target: Dict[str, Any], _folder: str) -> Optional[Check]:
    if not target.get("python"):
        return None
    major, minor = (int(part) for part in str(target["python"]).split(".")[:2])
    known = (3, 9) <= (major, minor) <= (3, 15) and (not target.get("free_threaded") or (major, minor) == (3, 13))
    if known:
        return Check("layout", "ok", "known for %d.%d; compared with the process before each look" % (major, minor))
    return Check("layout", "no", "not known for this Python", "unleak looks at CPython 3.9 to 3.15 and at free-threaded 3.13")


def allocator(pid: int, target: Dict[str, Any], folder: str) -> Optional[Check]:
    if not target.get("python"):
        return None
    setting = MALLOC_SETTING.search(_read(folder, pid, "environ"))
    found = setting.group(1).decode() if setting else ""
    if found in ("malloc", "malloc_debug"):
        return Check(
            "allocator",
            "limited",
            "PYTHONMALLOC=%s: objects that nobody reaches are not found, as there are no pools" % found,
            "start it without PYTHONMALLOC, or with PYTHONMALLOC=debug",
        )
    if target.get("free_threaded"):
        return Check(
            "allocator",
            "limited",
            "that of free-threaded builds: objects that nobody reaches are not found",
            "look at the same program on a Python with the GIL for lost references",
        )
    return _malloc(_read(folder, pid, "maps").decode("utf-8", "replace"), "debug" in found)


def _malloc(maps: str, hooks: bool) -> Check:
    """The row of Python's own allocator, with what it and native code get their memory from."""
    own = "Python's own" + (" under the debug hooks" if hooks else "")
    library = ALLOCATORS.search(maps)
    if library:
        return Check(
            "allocator",
            "limited",
            "%s, and %s for the rest: of that only the sum is known" % (own, library.group(1)),
            "start it without %s (LD_PRELOAD) where native memory is in question" % library.group(1),
        )
    if maps and not GLIBC.search(maps):
        return Check(
            "allocator",
            "limited",
            "%s, and for the rest a malloc that is not glibc's (musl, or linked statically): of that only the sum is known" % own,
            "run it on an image with glibc, linked dynamically, where native memory is in question",
        )
    return Check("allocator", "ok", own + ", and glibc's malloc" if maps else own)


def symbols(pid: int, target: Dict[str, Any], _folder: str) -> Optional[Check]:
    path = str(target.get("executable") or "")
    if path.endswith(" (deleted)"):
        return Check("symbols", "limited", "its executable was replaced or deleted", "restart the program when that is convenient")
    return Check("symbols", "ok", "what is needed is found: %s" % path) if target.get("python") else None


def way(pid: int, target: Dict[str, Any], _folder: str) -> Optional[Check]:
    note = next((n for n in target.get("notes") or [] if "copied while it stands still" in n), None)
    if note is None:
        return None
    return Check("way", "limited", note, "unleak diagnose %d works; each look stops it for about %.0f ms" % (pid, target.get("estimated_pause_ms") or 0))


ROWS: List[Callable[[int, Dict[str, Any], str], Optional[Check]]] = [
    namespaces,
    seccomp,
    python,
    layout,
    allocator,
    symbols,
    way,
]


def _read(folder: str, pid: int, name: str) -> bytes:
    try:
        with open(os.path.join(folder, str(pid), name), "rb") as file:
            return file.read(1 << 22)
    except OSError:
        return b""


def _status(folder: str, pid: int) -> Dict[str, str]:
    rows = (line.partition(":") for line in _read(folder, pid, "status").decode("utf-8", "replace").splitlines())
    return {key: value for key, _, value in rows}


def _namespace(folder: str, process: str, name: str) -> Optional[str]:
    try:
        return os.readlink(os.path.join(folder, process, "ns", name))
    except OSError:
        return None
