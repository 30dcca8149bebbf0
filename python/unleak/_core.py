"""The C API of the core (src/capi/unleak.h) through ctypes: handles as objects, failures as CoreError, JSON as dicts.

A handle is used by one thread at a time. The library is loaded at the first use; $UNLEAK_LIBRARY names another one.
"""
from __future__ import annotations

import ctypes
import functools
import json
import os
from pathlib import Path
from typing import Any, Dict, Optional, Union

Pointer = ctypes.c_void_p
Json = Dict[str, Any]


class CoreError(Exception):
    """The core could not do it: `code` is an enum unleak_code, `hint` what to try ("" where there is nothing)."""

    def __init__(self, code: int, message: str, hint: str = ""):
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


@functools.lru_cache(maxsize=None)
def library() -> ctypes.CDLL:
    """The core. OSError when it is missing or does not fit this machine."""
    path = os.environ.get("UNLEAK_LIBRARY") or str(Path(__file__).resolve().parent / "_native" / "libunleak.so")
    core = ctypes.CDLL(path)
    for name in ("unleak_version", "unleak_error", "unleak_hint"):
        getattr(core, name).restype = ctypes.c_char_p
    for name in ("unleak_snapshot_free", "unleak_session_free", "unleak_string_free"):
        getattr(core, name).argtypes = [Pointer]
        getattr(core, name).restype = None
    core.unleak_session_add.argtypes = [Pointer, Pointer]
    return core


def version() -> str:
    return library().unleak_version().decode()


def _check(code: int) -> None:
    if code:
        core = library()
        raise CoreError(code, core.unleak_error().decode("utf-8", "replace"), core.unleak_hint().decode("utf-8", "replace"))


def _options(value: Optional[Json]) -> Optional[bytes]:
    return None if value is None else json.dumps(value).encode()


def _path(value: Union[str, "os.PathLike[str]"]) -> bytes:
    return os.fsencode(value)


def _json(function: str, *args: Any) -> Json:
    text = Pointer()
    _check(getattr(library(), function)(*args, ctypes.byref(text)))
    try:
        return json.loads(ctypes.string_at(text.value or 0).decode("utf-8", "replace"))
    finally:
        library().unleak_string_free(text)


class Snapshot:
    """One look: columns, and its graph once it is asked for. Freed by close() or when a session takes it over."""

    def __init__(self, handle: Pointer):
        self._handle: Optional[Pointer] = handle

    @classmethod
    def open(cls, path: Union[str, "os.PathLike[str]"]) -> "Snapshot":
        handle = Pointer()
        _check(library().unleak_snapshot_open(_path(path), ctypes.byref(handle)))
        return cls(handle)

    @classmethod
    def from_descriptor(cls, descriptor: int) -> "Snapshot":
        """Takes the descriptor over."""
        handle = Pointer()
        _check(library().unleak_snapshot_open_fd(descriptor, ctypes.byref(handle)))
        return cls(handle)

    def save(self, path: Union[str, "os.PathLike[str]"]) -> None:
        _check(library().unleak_snapshot_save(self._handle, _path(path)))

    def info(self) -> Json:
        return _json("unleak_snapshot_info", self._handle)

    def top(self, options: Optional[Json] = None) -> Json:
        return _json("unleak_top", self._handle, _options(options))

    def paths(self, what: str, options: Optional[Json] = None) -> Json:
        return _json("unleak_paths", self._handle, what.encode(), _options(options))

    def cycles(self, options: Optional[Json] = None) -> Json:
        return _json("unleak_cycles", self._handle, _options(options))

    def memory(self, options: Optional[Json] = None) -> Json:
        return _json("unleak_memory", self._handle, _options(options))

    def diff(self, after: "Snapshot", options: Optional[Json] = None) -> Json:
        return _json("unleak_diff", self._handle, after._handle, _options(options))

    def audit(self, options: Optional[Json] = None) -> Json:
        return _json("unleak_audit", self._handle, _options(options))

    def export(self, format: str, path: Union[str, "os.PathLike[str]"]) -> None:
        _check(library().unleak_export(self._handle, format.encode(), _path(path)))

    def give(self) -> Optional[Pointer]:
        """The handle, no longer ours."""
        handle, self._handle = self._handle, None
        return handle

    def close(self) -> None:
        handle = self.give()
        if handle is not None:
            library().unleak_snapshot_free(handle)


class Session:
    """A diagnosis over many looks."""

    def __init__(self, options: Optional[Json] = None):
        handle = Pointer()
        _check(library().unleak_session_new(_options(options), ctypes.byref(handle)))
        self._handle: Optional[Pointer] = handle

    def add(self, snapshot: Snapshot) -> None:
        """Folds the look in and takes it over."""
        _check(library().unleak_session_add(self._handle, snapshot.give()))

    def make_room(self) -> None:
        """Drops the last look before the next is opened. Until one is added, nothing can be concluded."""
        _check(library().unleak_session_make_room(self._handle))

    def next(self) -> Json:
        return _json("unleak_session_next", self._handle)

    def observe(self, reply: Json) -> None:
        """What the helper saw of the references that next() asked for."""
        _check(library().unleak_session_observe(self._handle, json.dumps(reply).encode()))

    def questions(self) -> Json:
        return _json("unleak_session_questions", self._handle)

    def conclude(self, answers: Json) -> Json:
        return _json("unleak_session_conclude", self._handle, json.dumps(answers).encode())

    def inherited(self, child: "Session", options: Optional[Json] = None) -> Json:
        """What a forked child shares with this parent and what it added, by their last looks."""
        return _json("unleak_session_inherited", self._handle, child._handle, _options(options))

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            library().unleak_session_free(handle)
