"""The names in running functions, which the collector does not show: who holds an object by a local variable.

Up to Python 3.12 reading `frame.f_locals` makes a dict that the frame keeps, and with it every value, longer than the
function's own variables do. That dict is emptied again where nobody else has it; a frame that is being traced is left
alone, since a debugger writes the dict back.
"""

from __future__ import annotations

import sys
import threading
import types
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

_SNAPSHOTS = sys.version_info < (3, 13)
_OPTIMIZED = 0x1  # CO_OPTIMIZED of the interpreter: locals are not in a dict
_NOBODY_ELSE = 3  # references to the dict: the frame's, our variable's, the call's


class Local(NamedTuple):
    """One name of one running function."""

    text: str  # local variable `b` of main(), app.py:12
    counted: bool  # whether it is a reference of its own; a variable of a closure is held by its cell


class Running(NamedTuple):
    """All running functions of all threads but our own, by what they hold. Ids only: nothing is kept alive."""

    locals: Dict[int, List[Local]]  # id of a value
    namespaces: Dict[int, str]  # id of a dict that a running module or class body is written into
    frames: frozenset  # ids of their frame objects


def running() -> Running:
    """What the frames of all threads hold now."""
    found: Dict[int, List[Local]] = {}
    namespaces: Dict[int, str] = {}
    ids = set()
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    mine = threading.get_ident()
    for ident, frame in list(sys._current_frames().items()):
        where = "" if ident == mine else " (thread %s)" % names.get(ident, ident)
        while frame is not None:
            ids.add(id(frame))
            if not is_own(frame):
                _read(frame, where, found, namespaces)
            frame = frame.f_back  # type: ignore[assignment]  # None in the end: one of them is our own, a cycle
    return Running(found, namespaces, frozenset(ids))


def is_own(frame: types.FrameType) -> bool:
    """Whether a frame is this package's."""
    name = frame.f_globals.get("__name__")
    return isinstance(name, str) and name.startswith("unleak.api.")


def _read(frame: types.FrameType, where: str, found: Dict[int, List[Local]], namespaces: Dict[int, str]) -> None:
    code = frame.f_code
    if not code.co_flags & _OPTIMIZED:
        if frame.f_locals is not frame.f_globals:
            namespaces[id(frame.f_locals)] = "the body of class %s, which is running%s" % (code.co_name, where)
        else:
            namespaces.setdefault(id(frame.f_globals), "globals of %s" % code.co_filename)
        return
    cells = {*code.co_cellvars, *code.co_freevars}
    for name, address in local_ids(frame):
        text = "local variable `%s` of %s(), %s:%s%s" % (name, qualified(code), code.co_filename, frame.f_lineno, where)
        found.setdefault(address, []).append(Local(text, name not in cells))


def qualified(code: types.CodeType) -> str:
    return getattr(code, "co_qualname", code.co_name)


def local_ids(frame: types.FrameType) -> List[Tuple[str, int]]:
    """(name, id of its value) of a function's variables."""
    values = frame.f_locals
    names = [(name, id(value)) for name, value in values.items()]
    if _SNAPSHOTS and _may_clear(frame) and sys.getrefcount(values) <= _NOBODY_ELSE:
        values.clear()
    return names


def _may_clear(frame: types.FrameType) -> bool:
    if frame.f_trace is not None or sys.gettrace() is not None:
        return False
    return getattr(threading, "_trace_hook", None) is None and bool(frame.f_code.co_flags & _OPTIMIZED)


def suspended(holder: Any) -> Iterator[types.FrameType]:
    """The frame of a generator or coroutine that waits."""
    for kind, name in (
        (types.GeneratorType, "gi_frame"),
        (types.CoroutineType, "cr_frame"),
        (types.AsyncGeneratorType, "ag_frame"),
    ):
        if type(holder) is kind and getattr(holder, name) is not None:
            yield getattr(holder, name)
    if type(holder) is types.FrameType:
        yield holder
