"""The client of `unleak-capture serve`: the small process that does everything that touches a target.

Requests and replies are JSON lines over a socketpair; a look comes back as facts and, by SCM_RIGHTS, a descriptor of
the snapshot. The helper is in a process group of its own, so that Ctrl-C on the terminal never reaches it in the
middle of a look, and it ends by itself when this end of the socket is closed.
"""
from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from typing import Any, Dict, List, Optional, Tuple

from unleak.cli import errors
from unleak.cli.interrupts import Interrupts

LINE_LIMIT = 16 << 20
Reply = Tuple[Dict[str, Any], List[int]]


class Refused(errors.Failure):
    """The helper's answer to one request was an error: `code` is a name of unleak_code, such as "not-found"."""

    def __init__(self, error: Dict[str, Any]):
        super().__init__(str(error.get("message") or "the capture failed"), str(error.get("hint") or ""))
        self.code = str(error.get("code") or "").lower().replace("_", "-")


class Interrupted(errors.Failure):
    """A second Ctrl-C came while a reply was waited for; the helper finishes its work without us."""

    def __init__(self) -> None:
        super().__init__("interrupted during a look", status=errors.INTERRUPTED)


class Helper:
    """One helper process, one request at a time. `streams` are stdin and stdout of a program that it may start (None:
    as they are here); without them it reads and writes nothing but the socket, and complaints on stderr."""

    QUIET = (subprocess.DEVNULL, subprocess.DEVNULL)

    def __init__(self, program: str, interrupts: Interrupts, streams: Tuple[Optional[int], Optional[int]] = QUIET):
        self._interrupts = interrupts
        self._buffer = b""
        self._told = False
        self._descriptors: List[int] = []
        self._socket, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                [program, "serve", "--fd", str(theirs.fileno())], pass_fds=[theirs.fileno()],
                stdin=streams[0], stdout=streams[1], preexec_fn=_own_group)  # noqa: PLW1509 - process_group= is 3.11's, and nothing here has threads
        except OSError as problem:
            self._socket.close()
            raise errors.Failure("cannot start %s: %s" % (program, problem.strerror),
                                 "is the package complete? `./dev build` or `pip install .` makes it") from None
        finally:
            theirs.close()

    def __enter__(self) -> "Helper":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, request: Dict[str, Any], timeout: float = 120.0) -> Reply:
        """Send a request and wait for its reply. Raises Refused, or Failure when the helper is gone or hangs."""
        self.send(request)
        until = time.monotonic() + timeout
        while True:
            reply = self.poll(until - time.monotonic())
            if reply is not None:
                return reply
            if self._interrupts.count >= 2:
                raise Interrupted()
            if self._interrupts.count == 1 and not self._told:
                self._told = True
                sys.stderr.write("unleak: finishing the look that is under way (Ctrl-C again: do not wait)\n")
            if time.monotonic() >= until:
                raise errors.Failure("the capture helper gave no answer to %r in %.0f s" % (request["cmd"], timeout))

    def send(self, request: Dict[str, Any]) -> None:
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError:
            raise self._gone() from None

    def poll(self, timeout: float) -> Optional[Reply]:
        """The next reply, or None when `timeout` passed or a signal came."""
        while True:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline:
                self._buffer = rest
                return self._take(line)
            if not self._interrupts.wait(timeout, self._socket.fileno()):
                return None
            self._receive()

    def _receive(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._socket, 65536, 16, socket.MSG_CMSG_CLOEXEC)
        except OSError:
            data, descriptors = b"", []
        self._descriptors += descriptors
        if not data or len(self._buffer) > LINE_LIMIT:
            raise self._gone()
        self._buffer += data

    def _take(self, line: bytes) -> Reply:
        descriptors, self._descriptors = self._descriptors, []
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            _close_all(descriptors)
            raise errors.Failure("the capture helper answered with something that is not JSON")
        if isinstance(answer.get("error"), dict):
            _close_all(descriptors)
            raise Refused(answer["error"])
        return answer, descriptors

    def _gone(self) -> errors.Failure:
        try:
            status = self._process.wait(2)
        except subprocess.TimeoutExpired:
            return errors.Failure("the capture helper closed its connection")
        how = "signal %d" % -status if status < 0 else "status %d" % status
        return errors.Failure("the capture helper ended unexpectedly (%s)" % how)

    def close(self) -> None:
        """Close the connection; the helper finishes what it is doing to a target and ends. It is never killed."""
        self._socket.close()
        _close_all(self._descriptors)
        self._descriptors = []
        try:
            self._process.wait(0.2)
        except subprocess.TimeoutExpired:
            pass        # it is in a look, or the parent of a program that goes on: it ends by itself
        self._process.returncode = self._process.returncode or 0      # no warning about it at our exit


def _own_group() -> None:
    os.setpgid(0, 0)


def _close_all(descriptors: List[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
