"""The core as the commands see it: looks and sessions, with the core's errors as failures of the command line.

The library is loaded when it is first needed, so that help, usage errors and commands that only read documents work
where there is none.
"""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Dict, List

from unleak.cli import errors

NATIVE = Path(__file__).resolve().parents[1] / "_native"
REPAIR = "`./dev build` makes it in a checkout, `pip install .` a complete package"
CODE_USAGE = 1      # UNLEAK_USAGE of src/capi/unleak.h


def tool() -> str:
    """As documents name it: `unleak 0.1.0`."""
    import unleak
    return "unleak " + unleak.__version__


def capture_program() -> str:
    """The path of the helper that touches targets."""
    program = NATIVE / "unleak-capture"
    if not os.access(program, os.X_OK):
        raise errors.Failure("unleak-capture is missing (%s)" % program, REPAIR)
    return str(program)


def core_version() -> str:
    """The version of the library, which should be that of this package."""
    return _core("version")


def _core(name: str, *arguments: Any) -> Any:
    """Call a function of `unleak._core`, or a class to make its object."""
    from unleak import _core as core
    return _guarded(getattr(core, name), *arguments)


def _guarded(function: Callable[..., Any], *arguments: Any) -> Any:
    from unleak._core import CoreError
    try:
        return function(*arguments)
    except CoreError as problem:
        status = errors.USAGE if problem.code == CODE_USAGE else errors.FAILED
        raise errors.Failure(problem.message, problem.hint, status) from None
    except OSError as problem:
        raise errors.Failure("the core cannot be loaded: %s" % problem, REPAIR) from None


class Snapshot:
    """One look. Closed by `close`, or taken over by a session."""

    def __init__(self, core: Any):
        self.core = core

    @classmethod
    def open(cls, path: str) -> "Snapshot":
        from unleak import _core as core
        return cls(_guarded(core.Snapshot.open, path))

    @classmethod
    def from_reply(cls, descriptors: List[int]) -> "Snapshot":
        """From the descriptor that came with the helper's reply; it is taken over."""
        from unleak import _core as core
        if not descriptors:
            raise errors.Failure("the capture helper sent facts but no look")
        for extra in descriptors[1:]:
            os.close(extra)
        return cls(_guarded(core.Snapshot.from_descriptor, descriptors[0]))

    def save(self, path: str) -> None:
        _guarded(self.core.save, path)

    def info(self) -> Dict[str, Any]:
        return _guarded(self.core.info)

    def top(self, options: Dict[str, Any]) -> Dict[str, Any]:
        return _guarded(self.core.top, options)

    def paths(self, what: str, options: Dict[str, Any]) -> Dict[str, Any]:
        return _guarded(self.core.paths, what, options)

    def cycles(self, options: Dict[str, Any]) -> Dict[str, Any]:
        return _guarded(self.core.cycles, options)

    def memory(self, options: Dict[str, Any]) -> Dict[str, Any]:
        return _guarded(self.core.memory, options)

    def diff(self, after: "Snapshot", options: Dict[str, Any]) -> Dict[str, Any]:
        return _guarded(self.core.diff, after.core, options)

    def audit(self, options: Dict[str, Any]) -> Dict[str, Any]:
        return _guarded(self.core.audit, options)

    def close(self) -> None:
        self.core.close()


class Session:
    """A diagnosis over many looks at one process."""

    def __init__(self, options: Dict[str, Any]):
        self._core = _core("Session", {key: value for key, value in options.items() if value is not None})

    def add(self, snapshot: Snapshot) -> None:
        """Fold a look in; the snapshot is taken over."""
        _guarded(self._core.add, snapshot.core)

    def make_room(self) -> None:
        """Drop the last look before the next is opened: two of a big heap may not fit."""
        _guarded(self._core.make_room)

    def next(self) -> Dict[str, Any]:
        return _guarded(self._core.next)

    def inherited(self, child: "Session") -> Dict[str, Any]:
        """What a forked child shares with this parent, what it added and freed, by their last looks."""
        return _guarded(self._core.inherited, child._core)

    def observe(self, reply: Dict[str, Any]) -> None:
        """Fold in what the helper saw of the references that next() asked for."""
        _guarded(self._core.observe, reply)

    def questions(self) -> Dict[str, Any]:
        return _guarded(self._core.questions)

    def conclude(self, answers: Dict[str, Any]) -> Dict[str, Any]:
        return _guarded(self._core.conclude, answers)

    def close(self) -> None:
        self._core.close()
