"""Looks at processes until each diagnosis has what it needs: the loop look, fold, ask what next, wait."""
from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from unleak.cli import engine, errors, proc, schedule
from unleak.cli.conclude import conclude
from unleak.cli.helper import Helper, Interrupted, Refused
from unleak.cli.interrupts import Interrupts
from unleak.cli.journal import Journal
from unleak.cli.progress import Progress

WATCH_SHARE, WATCH_S, WATCH_LEAST_S = 0.7, 1.2, 0.2     # of the time until the next look; seconds
WATCH_ONCE_S = 0.5
MOST_PROCESSES = 64      # of --children: each costs a session and its looks
MOST_UNFOLDED = 3        # looks of a process that wait in memory until there is time to fold them
RETRY_S = 0.5            # after a look that could not be taken
MOST_FAILED = 2          # looks in a row that could not be taken of a process that goes on


class Subject:
    """One process under diagnosis: its session, and when it is looked at next."""

    def __init__(self, pid: int, options: Dict[str, Any]):
        self.pid = pid
        self.session = engine.Session(options)
        self.root = _own_root(pid)
        self._where: Dict[str, Any] = {"cwd": proc.folder(pid), "started": proc.started(pid)}
        self.ppid = proc.parent(pid)
        self.stack_start = proc.stack_start(pid)
        self.memory: Optional[Dict[str, int]] = None    # of the last look, with --children
        self.late = False       # it came when others had been looked at
        self.idle = False       # it did nothing so far, by its looks
        self.looks = 0          # taken
        self.folded = 0         # of them, folded into the session
        self.cost_s = 0.0       # of the last look to the target's machine: its pauses and the processor time
        self.fold_s = 0.0       # what folding the last one took
        self.first_at = 0.0     # when the first and the last look began
        self.last_at = 0.0
        self.failed = 0         # looks since the last that could be taken
        self.unfolded: List[List[int]] = []
        self.due = time.monotonic()
        self.not_before = 0.0
        self.references: Dict[str, Any] = {}    # what the session wants to see of them before the next look
        self.watched = 0
        self.done = False
        self.problem: Optional[errors.Failure] = None
        self.notes: List[str] = []

    @property
    def started(self) -> Optional[float]:
        """When it started, in seconds since the epoch."""
        return self._where["started"]

    def elapsed(self) -> float:
        """Seconds from the first look to the last."""
        return self.last_at - self.first_at

    def close(self) -> None:
        self.session.close()
        for descriptor in (d for look in self.unfolded for d in look):
            os.close(descriptor)
        self.unfolded = []
        if self.root is not None:
            os.close(self.root)
            self.root = None

    def where(self) -> Dict[str, Any]:
        """Where its files lie, for the answers of the source: valid until close()."""
        root = {} if self.root is None else {"root": "/proc/self/fd/%d" % self.root}
        return {**root, **{key: value for key, value in self._where.items() if value}}


def _own_root(pid: int) -> Optional[int]:
    """The target's root folder, held open: it stays reachable when the target ends or privileges are given up."""
    try:
        return os.open("/proc/%d/root" % pid, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None


class Watch:
    """Takes looks of subjects through the helper. What is done is in the journal."""

    def __init__(self, helper: Helper, interrupts: Interrupts, journal: Journal, progress: Optional[Progress], args: Any):
        self.helper = helper
        self.interrupts = interrupts
        self.journal = journal
        self.progress = progress
        self.args = args
        self.keep = kept_folder(args.keep)

    def look(self, subject: Subject) -> bool:
        """One look, folded into the session. False when it could not be taken; `subject.problem` says why."""
        taken = self.take(subject)
        if taken:
            self.fold(subject, taken)
        return bool(taken)

    def take(self, subject: Subject) -> List[int]:
        """The descriptors of one look, to be folded; none when it could not be taken; `subject.problem` says why."""
        request = {"cmd": "look", "pid": subject.pid, "max_pause_ms": self.args.max_pause, "parses_minor": sys.version_info[1],
                   "max_extra": self.args.max_extra / 100, "argv": self.args.argv, "copy": self.args.copy}
        began = time.monotonic()
        if self.args.children:
            subject.memory = proc.memory(subject.pid) or subject.memory
        try:
            facts, descriptors = self.helper.call(request)
        except (Refused, Interrupted) as problem:
            subject.problem = problem
            self.journal.write("pid %d: no look: %s" % (subject.pid, problem.message))
            return []
        subject.looks += 1
        subject.failed = 0
        subject.last_at = began
        subject.first_at = subject.first_at or began
        subject.cost_s = (facts.get("total_pause_ms", 0.0) + facts.get("cpu_ms", 0.0)) / 1e3
        self.journal.write("pid %d: look %d in %.0f ms: %s" % (
            subject.pid, subject.looks, (time.monotonic() - began) * 1e3, _facts(facts)))
        return descriptors

    def fold(self, subject: Subject, descriptors: List[int]) -> None:
        """Fold a look that was taken into the session, in the order of the looks; when the next is due. One thread at a
        time for one subject; the helper is not asked."""
        began = time.monotonic()
        subject.session.make_room()
        snapshot = engine.Snapshot.from_reply(descriptors)
        subject.folded += 1
        if self.keep is not None:
            snapshot.save(str(self.keep / ("%d-%04d.unleak" % (subject.pid, subject.folded))))
        subject.session.add(snapshot)
        plan = subject.session.next()
        subject.done = bool(plan.get("done"))
        subject.references = plan.get("references") or {}
        subject.due = subject.last_at + max(0.0, float(plan.get("wait_s") or 0.0))
        subject.fold_s = time.monotonic() - began

    def until_done(self, subjects: List[Subject]) -> None:
        """Look at each until its session is content, it ends, or somebody wants the answer now."""
        while not self.interrupts.count:
            waiting = self._waiting(subjects)
            if not waiting:
                break
            subject = min(waiting, key=lambda s: s.due)
            if not self._wait(subject, subjects):
                continue
            if self.args.children:
                self.adopt(subjects)
            taken = self.take(subject)
            if taken:
                subject.unfolded.append(taken)
                self._go_on(subject)
                if len(subjects) == 1:
                    self.watch_references(subject)
            else:
                self._failed(subject)
        for subject in subjects:
            self._fold_all(subject)

    def _waiting(self, subjects: List[Subject]) -> List[Subject]:
        """Those that are to be looked at again. In a tree of processes one that does nothing, and one that came late, does not
        keep the answer that others gave waiting; and workers that replace each other do not make it endless."""
        waiting = [s for s in subjects if not s.done]
        if not self.args.children:
            return waiting
        limit = schedule.LONGEST_S if self.args.duration is None else self.args.duration * schedule.OVERTIME
        if subjects[0].first_at and time.monotonic() - subjects[0].first_at > limit:
            waiting = [s for s in waiting if s.looks and not s.late and self.args.duration is not None]     # each has its own end
        workers = subjects[1:] or subjects
        judged = any(s.done and s.looks >= schedule.LOOKS and not s.idle for s in workers)
        return [] if judged and all(s.late or s.idle for s in waiting) else waiting

    def _go_on(self, subject: Subject) -> None:
        """After a look: what is folded now, and when the next is due, if any."""
        if self.args.duration is None:
            self._fold_all(subject)
            self._decide(subject)
            return
        after = schedule.even(subject.looks, self.args.looks or schedule.LOOKS, self.args.duration)
        over = schedule.over(time.monotonic() - subject.first_at, subject.looks, self.args.duration)
        next_at = None if after is None or over else subject.first_at + after
        if next_at is None or len(subject.unfolded) >= MOST_UNFOLDED or next_at - time.monotonic() >= subject.fold_s:
            self._fold_all(subject)     # there is time for it before the next look, or no room to put it off
        subject.done = next_at is None
        subject.due = next_at or 0.0

    def _fold_all(self, subject: Subject) -> None:
        while subject.unfolded:
            self.fold(subject, subject.unfolded.pop(0))

    def _decide(self, subject: Subject) -> None:
        """Without a duration: go on while the answer is open, and there is time for another look."""
        elapsed = subject.elapsed()
        cost = time.monotonic() - subject.last_at
        if subject.looks < (self.args.looks or schedule.LOOKS):
            late = schedule.too_late(subject.due - subject.first_at, cost, subject.looks)
            subject.done = self.args.looks is None and subject.looks > 1 and late
            return
        document = conclude(subject.session, subject.looks, subject.where(), subject.pid)
        subject.idle = not all(p.get("active", True) for p in document["processes"])
        wait = schedule.wait_while_open(elapsed, cost)
        subject.done = schedule.decided(document["verdict"], subject.done, elapsed) or schedule.too_late(elapsed + wait, cost, subject.looks)
        subject.due = subject.last_at + wait
        self.journal.write("pid %d: %s after %.1f s%s" % (
            subject.pid, document["verdict"], elapsed, "" if subject.done else ": the answer is still open"))

    def _failed(self, subject: Subject) -> None:
        """A look could not be taken: try again where the process is still there and was looked at before."""
        subject.failed += 1
        if subject.looks and subject.failed <= MOST_FAILED and proc.alive(subject.pid):
            subject.due = time.monotonic() + RETRY_S
            return
        subject.done = True
        subject.notes.append(_ended_early(subject))

    def watch_references(self, subject: Subject) -> None:
        """See who changes the counts of objects that the session asks for, while the next look is not due."""
        spare = min((subject.due - time.monotonic()) * WATCH_SHARE, WATCH_S)
        if not subject.watched:
            spare = max(spare, WATCH_ONCE_S)    # where looks take all the time, the next one comes later for once
        if subject.done or subject.unfolded or not subject.references or spare < WATCH_LEAST_S:
            return
        request = {"cmd": "references", "pid": subject.pid, "time_ms": int(spare * 1e3), **subject.references}
        try:
            seen, _ = self.helper.call(request)
        except (Refused, Interrupted) as problem:
            self.journal.write("pid %d: references not watched: %s" % (subject.pid, problem.message))
            return
        self.journal.write("pid %d: watched references for %.1f s: %d counts, %d objects from their making on%s" % (
            subject.pid, spare, len(seen.get("counts", [])), len(seen.get("lives", [])),
            "; " + seen["problem"] if seen.get("problem") else ""))
        subject.watched += 1
        subject.session.observe(seen)

    def adopt(self, subjects: List[Subject]) -> None:
        """Add descendants of the subjects that were not there before (--children)."""
        known = {s.pid for s in subjects}
        late = any(s.looks > 1 for s in subjects)
        for top in [s.pid for s in subjects if s.ppid not in known]:
            for child in self.descendants(top):
                if child not in known and len(known) < MOST_PROCESSES:
                    known.add(child)
                    subjects.append(Subject(child, session_options(self.args)))
                    subjects[-1].late = late

    def descendants(self, pid: int) -> List[int]:
        try:
            facts, _ = self.helper.call({"cmd": "descendants", "pid": pid})
        except Refused:
            return []
        return [int(p) for p in facts.get("pids", [])]

    def _wait(self, subject: Subject, subjects: List[Subject]) -> bool:
        """Until the subject's look is due. False: something came in between, look again at what is due."""
        while True:
            left = subject.due - time.monotonic()
            if left <= 0:
                return True
            if self.progress is not None:
                self.progress.show(_progress(subjects, left))
            self.interrupts.wait(min(left, 0.25))
            if self.interrupts.count:
                return False
            if not proc.alive(subject.pid):
                return True     # the look says why it cannot be taken


def session_options(args: Any, run: bool = False) -> Dict[str, Any]:
    return {"looks": args.looks, "duration_s": args.duration, "run": run, "all": args.all, "argv": args.argv}


def kept_folder(name: Optional[str]) -> Optional[Path]:
    if not name:
        return None
    folder = Path(name)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise errors.Failure("cannot keep snapshots in %s: %s" % (folder, problem.strerror)) from None
    return folder


def _facts(facts: Dict[str, Any]) -> str:
    return ", ".join("%s %s" % (k, v) for k, v in facts.items() if isinstance(v, (str, int, float)) and v != "")


def _ended_early(subject: Subject) -> str:
    reason = subject.problem.message if subject.problem else ""
    if subject.looks and not proc.alive(subject.pid):
        return "the process ended after %d look%s" % (subject.looks, "" if subject.looks == 1 else "s")
    return "no more than %d look%s: %s" % (subject.looks, "" if subject.looks == 1 else "s", reason)


def _progress(subjects: List[Subject], left: float) -> str:
    looks = sum(s.looks for s in subjects)
    of = "" if len(subjects) == 1 else " of %d processes" % len(subjects)
    return "unleak: %d %s%s taken, next in %.0f s (Ctrl-C: the answer so far)" % (
        looks, "look" if looks == 1 else "looks", of, left)
