"""The started program from its start to its end: polls its memory, takes looks when the schedule says so."""
from __future__ import annotations

import os
import signal
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Dict, List, Optional

from unleak.cli import errors, proc
from unleak.cli.helper import Helper, Refused
from unleak.cli.interrupts import Interrupts
from unleak.cli.schedule import Budget, Highs
from unleak.cli.watch import MOST_PROCESSES, Subject, Watch, session_options

POLL_S = 0.05           # 20 Hz
FIRST_LOOK_S = 0.25     # interpreters are starting before
RETRY_S = 0.25          # after a look that could not be taken
SEARCH_S = 1.0          # how often new descendants are looked for
CHILDREN_S = 0.25       # with --children
MOST_ASKED = 3          # times that a descendant is asked whether it is a Python: just forked, it may not be one yet
ENDING_S = 3.0          # how long a program may take to end after Ctrl-C
MOST_FOLDING = 2        # looks of a process that wait in memory to be folded


class Supervisor:
    """Runs one program under looks. `pid` is the process that was started, `exit` its status once it ended (negative:
    the signal that ended it), `subjects` the processes looked at."""

    def __init__(self, helper: Helper, interrupts: Interrupts, args: Any):
        self._helper = helper
        self._interrupts = interrupts
        self._args = args
        self._watch: Watch      # what takes the looks, from watch_to_the_end on
        self.pid = 0
        self.exit: Optional[int] = None
        self.subjects: List[Subject] = []
        self._highs: Dict[int, Highs] = {}
        self._folder = ThreadPoolExecutor(1, "fold")    # a big look takes a second to fold; memory is polled meanwhile
        self._folding: Dict[int, List["Future[None]"]] = {}
        self._budgets: Dict[int, Budget] = {}       # each process pays for its own looks, by the time that it has been watched
        self._born: Dict[int, float] = {}
        self._began = time.monotonic()
        self._next_search = 0.0
        self._asked: Dict[int, int] = {}
        self._problem = ""

    def close(self) -> None:
        self._folder.shutdown()
        for subject in self.subjects:
            subject.close()

    def start(self, argv: List[str]) -> None:
        reply, _ = self._helper.call({
            "cmd": "start", "argv": argv, "cwd": os.getcwd(), "env": ["%s=%s" % pair for pair in os.environ.items()],
            "pgid": os.getpgrp()})
        self.pid = int(reply["pid"])
        self._began = time.monotonic()
        self._add(self.pid)

    def facts(self, pid: int) -> Dict[str, Any]:
        """What only the parent knows, for the conclusion."""
        highs = self._highs.get(pid, Highs())
        exit_status = self.exit if pid == self.pid or not self._args.children else None
        return {"exit": exit_status, "rss_peak": highs.top, "missed_highs": highs.missed()}

    def why_no_look(self) -> str:
        lived = time.monotonic() - self._began
        return "No look could be taken in the %.1f s that the program ran%s." % (
            lived, ": " + self._problem if self._problem else "")

    def watch_to_the_end(self, watch: Watch) -> None:
        """Until the program has ended, or Ctrl-C asks for the answer now."""
        self._watch = watch
        watch.journal.write("started pid %d" % self.pid)
        interrupts = self._interrupts
        while proc.alive(self.pid):
            if interrupts.count:
                if not self._let_it_end():
                    self._finish_folding()
                    return
                break
            if self._args.children and time.monotonic() >= self._next_search:
                self._adopt()
            for subject in list(self.subjects):
                self._attend(subject)
            interrupts.wait(POLL_S)
        self._finish_folding()
        self._collect()

    def _add(self, pid: int) -> None:
        subject = Subject(pid, session_options(self._args, run=True))
        subject.due = time.monotonic() + FIRST_LOOK_S
        subject.late = any(s.looks > 1 for s in self.subjects)
        self.subjects.append(subject)
        self._highs[pid] = Highs()
        self._budgets[pid] = Budget()
        self._born[pid] = self._began if pid == self.pid else time.monotonic()

    def _attend(self, subject: Subject) -> None:
        """One poll of one process: a look if memory made a new high or the session's next look is due."""
        if subject.done:
            return
        if subject.pid != self.pid and not proc.alive(subject.pid):
            subject.done = True
            return
        now = time.monotonic()
        rss, peak = proc.resident(subject.pid), proc.high_water(subject.pid)
        reason = self._highs[subject.pid].sample(now - self._began, rss, peak)
        folding = self._still_folding(subject)
        wanted = (reason and folding < MOST_FOLDING) or (now >= subject.due and not folding)
        if wanted and now >= subject.not_before and self._budgets[subject.pid].allows(now - self._born[subject.pid], bool(reason)):
            self._look(subject, now)

    def _look(self, subject: Subject, began: float) -> None:
        taken = self._watch.take(subject)
        ended = time.monotonic()
        if taken:
            self._budgets[subject.pid].charge(subject.cost_s)
            self._highs[subject.pid].looked(began - self._began, ended - self._began)
            self._folding.setdefault(subject.pid, []).append(self._folder.submit(self._fold, subject, taken))
            return
        self._problem = subject.problem.message if subject.problem else ""
        subject.not_before = subject.due = ended + RETRY_S
        if subject.pid == self.pid:
            self._adopt()

    def _fold(self, subject: Subject, taken: List[int]) -> None:
        self._watch.fold(subject, taken)
        subject.done = False        # a session of `run` ends with its program

    def _still_folding(self, subject: Subject) -> int:
        """How many looks of it are not in its session yet; what went wrong with one is raised here."""
        waiting = self._folding.get(subject.pid, [])
        while waiting and waiting[0].done():
            waiting.pop(0).result()
        return len(waiting)

    def _finish_folding(self) -> None:
        for waiting in self._folding.values():
            for look in waiting:
                look.result()
            waiting.clear()

    def _adopt(self) -> None:
        """Descendants to look at: all with --children, else the first when what was started is no Python itself."""
        self._next_search = time.monotonic() + (CHILDREN_S if self._args.children else SEARCH_S)
        known = {s.pid for s in self.subjects}
        for child in self._watch.descendants(self.pid):
            if child in known or len(self.subjects) >= MOST_PROCESSES or not self._is_python(child):
                continue
            self._add(child)
            if not self._args.children:
                self.subjects[0].done = True
                return

    def _is_python(self, pid: int) -> bool:
        if self._asked.get(pid, 0) >= MOST_ASKED:
            return False
        self._asked[pid] = self._asked.get(pid, 0) + 1
        try:
            facts, _ = self._helper.call({"cmd": "inspect", "pid": pid})
        except Refused:
            return False
        return bool(facts.get("python"))

    def _let_it_end(self) -> bool:
        """After Ctrl-C: the terminal sent it to the program too, which may want to clean up. False: it goes on."""
        interrupts = self._interrupts
        if interrupts.last == signal.SIGTERM:
            self._terminate()
        until, count = time.monotonic() + ENDING_S, interrupts.count
        while proc.alive(self.pid) and time.monotonic() < until and interrupts.count == count:
            interrupts.wait(POLL_S)
        if proc.alive(self.pid):
            for subject in self.subjects:
                if not subject.done and proc.alive(subject.pid) and interrupts.count == count:
                    self._look(subject, time.monotonic())
            sys.stderr.write("unleak: pid %d is still running\n" % self.pid)
            return False
        return True

    def _terminate(self) -> None:
        """SIGTERM was meant for the program: we stand in its place."""
        try:
            os.kill(self.pid, signal.SIGTERM)
        except OSError as problem:
            sys.stderr.write("unleak: SIGTERM cannot be passed on to pid %d: %s\n" % (self.pid, problem.strerror))

    def _collect(self) -> None:
        try:
            reply, _ = self._helper.call({"cmd": "wait", "pid": self.pid})
        except errors.Failure as problem:
            self._watch.journal.write("exit status not known: %s" % problem.message)
            return
        self.exit = reply.get("exit")
        if self.subjects[-1].pid == self.pid:       # else the peak may be that of a process below it
            self._highs[self.pid].ended(time.monotonic() - self._began, int(reply.get("peak_rss") or 0))
