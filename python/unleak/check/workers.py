"""Checks many files in as many processes as there are processors.

A parser that dies of a file (old Pythons do, of very deep nesting) takes its process with it, not the check: the file is
named, and another process goes on with the rest.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection, wait
from typing import Dict, Iterator, List, Sequence, Tuple

from unleak.check import engine, registry
from unleak.check.finding import FileReport, Problem

BATCH = 24  # files: small enough that no process is left with much at the end
SMALL = 256 << 10  # bytes: below it one process is faster than two


def check(paths: Sequence[str], names: Sequence[str], jobs: int = 0) -> Iterator[FileReport]:
    """A report of each file, in no particular order. `jobs` 0: one process a processor."""
    pool = _Pool(list(paths), list(names), jobs or _jobs(paths))
    try:
        yield from pool.reports()
    finally:
        pool.close()


def processors() -> int:
    """Those that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _jobs(paths: Sequence[str]) -> int:
    size = 0
    for path in paths:
        try:
            size += os.stat(path).st_size
        except OSError:
            continue
        if size > SMALL:
            return processors()
    return 1


class _Pool:
    """Worker processes, each with the files that it has not reported yet."""

    def __init__(self, paths: List[str], names: List[str], jobs: int):
        # Smallest first would leave the largest for one process at the end.
        self._todo = sorted(paths, key=_size)
        self._names = names
        self._jobs = max(1, min(jobs, (len(paths) + BATCH - 1) // BATCH))
        self._context = multiprocessing.get_context(_start_method())
        self._working: Dict[Connection, Tuple[multiprocessing.process.BaseProcess, List[str]]] = {}

    def reports(self) -> Iterator[FileReport]:
        while self._todo or self._working:
            while self._todo and len(self._working) < self._jobs:
                self._start(self._next())
            for ready in wait(list(self._working)):
                yield from self._receive(ready)  # type: ignore[arg-type]

    def _next(self) -> List[str]:
        batch = self._todo[-BATCH:][::-1]
        del self._todo[-BATCH:]
        return batch

    def _start(self, batch: List[str]) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(  # type: ignore[attr-defined]
            target=_work, args=(theirs, self._names), daemon=True
        )
        process.start()
        theirs.close()
        ours.send(batch)
        self._working[ours] = (process, batch)

    def _receive(self, connection: Connection) -> Iterator[FileReport]:
        process, waiting = self._working[connection]
        try:
            report: FileReport = connection.recv()
        except (EOFError, OSError):
            yield self._died(connection)
            return
        waiting.remove(report.path)
        yield report
        if not waiting and self._todo:
            batch = self._next()
            self._working[connection] = (process, batch)
            connection.send(batch)
        elif not waiting:
            self._end(connection)

    def _died(self, connection: Connection) -> FileReport:
        """The file that the process was at; the rest of its batch is done by another."""
        process, waiting = self._working[connection]
        self._end(connection)
        culprit = waiting.pop(0)
        self._todo += waiting[::-1]
        how = "status %s" % process.exitcode
        if process.exitcode is not None and process.exitcode < 0:
            how = "signal %d" % -process.exitcode
        text = "the parser of this Python dies of it (%s): it is nested too deeply, or memory ran out" % how
        return FileReport(culprit, 0, [], [], [Problem(culprit, 0, text)])

    def _end(self, connection: Connection) -> None:
        process, _ = self._working.pop(connection)
        try:
            connection.send(None)  # a sibling may hold a copy of our end: closing it alone would not be seen
        except OSError:
            pass  # it has died
        connection.close()
        process.join()

    def close(self) -> None:
        """Nothing is left running, also when the check was interrupted."""
        for connection, (process, _) in list(self._working.items()):
            process.terminate()
            connection.close()
            process.join()
        self._working.clear()


def _start_method() -> str:
    """fork where it is safe: it costs milliseconds, a new interpreter a quarter of a second."""
    return "fork" if sys.platform == "linux" and threading.active_count() == 1 else "spawn"


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _work(connection: Connection, names: List[str]) -> None:
    """A worker process: batches in, reports out, until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    known = registry.all_rules()
    rules = [known[name] for name in names]
    try:
        for batch in iter(connection.recv, None):
            for path in batch:
                connection.send(engine.check_file(path, rules))
    except (EOFError, OSError):
        return
