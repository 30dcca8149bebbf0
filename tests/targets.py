"""Starts target programs for tests, waits for what they print (never for time), and never leaves one behind.

with start_target(exe, "import sys; print('READY', flush=True); sys.stdin.readline()") as target:
    target.wait_ready()
    ... look at target.pid ...
    target.send("go on")
"""

import ctypes
import os
import select
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Union

READY = "READY"
_PR_SET_PDEATHSIG = 1


class TargetFailed(AssertionError):
    """The target ended, or said nothing in time; the message holds what it wrote."""


class Target:
    """A running program; made by start_target."""

    def __init__(self, command: Sequence[str], env: Optional[Dict[str, str]], cwd: Optional[str]):
        self._errors = tempfile.TemporaryFile()
        self._buffer = b""
        self._printed: List[str] = []
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=env,
            cwd=cwd,
            bufsize=0,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        self.pid = self._process.pid

    def wait_ready(self, timeout: float = 60.0) -> str:
        """Waits for a line that starts with READY and returns the rest of it."""
        deadline = time.monotonic() + timeout
        while True:
            line = self.read_line(deadline - time.monotonic())
            if line.split(" ", 1)[0] == READY:
                return line[len(READY) :].strip()

    def read_line(self, timeout: float = 60.0) -> str:
        """The next line of its standard output, without the newline."""
        deadline = time.monotonic() + timeout
        out = self._process.stdout
        assert out is not None
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([out], [], [], left)[0]:
                raise TargetFailed("no line from the target in %.0f s%s" % (timeout, self._story()))
            data = os.read(out.fileno(), 65536)
            if not data:
                raise TargetFailed("the target ended with status %s%s" % (self._process.wait(), self._story()))
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        self._printed.append(line.decode("utf-8", "replace"))
        return self._printed[-1]

    def send(self, text: str) -> None:
        """Writes one line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode() + b"\n")

    def ask(self, text: str, timeout: float = 60.0) -> str:
        """Sends a line and returns the line that comes back: also the proof that the target still works."""
        self.send(text)
        return self.read_line(timeout)

    def running(self) -> bool:
        return self._process.poll() is None

    def state(self) -> str:
        """The state letter of /proc/PID/stat: R, S, D, T (stopped), t (traced), Z ..."""
        return Path("/proc/%d/stat" % self.pid).read_text().rsplit(")", 1)[1].split()[0]

    def wait(self, timeout: float = 60.0) -> int:
        """Closes its standard input, waits for its end and returns its exit status."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TargetFailed("the target did not end in %.0f s%s" % (timeout, self._story())) from None

    def errors(self) -> str:
        """What it has written to its standard error so far."""
        size = os.fstat(self._errors.fileno()).st_size
        return os.pread(self._errors.fileno(), size, 0).decode("utf-8", "replace")

    def stop(self) -> None:
        """Kills its whole process group and waits for it; may be called again."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()

    def __enter__(self) -> "Target":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _story(self) -> str:
        printed = "\n".join(self._printed[-20:])
        return "\n-- it printed --\n%s\n-- its errors --\n%s" % (printed, self.errors()[-4000:])


def start_target(
    exe: str,
    script_or_code: Union[str, Path],
    args: Sequence[str] = (),
    options: Sequence[str] = (),
    env: Optional[Dict[str, str]] = None,
    cwd: Optional[str] = None,
) -> Target:
    """Starts `exe [options] SCRIPT args`, or `exe [options] -c CODE args` where the text is no existing file.

    `env` is added to a clean environment (no PYTHON* variables of the test run).
    """
    program = [str(script_or_code)] if _is_file(script_or_code) else ["-c", str(script_or_code)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    clean.update(env or {})
    return Target([exe, *options, *program, *args], clean, cwd)


def _is_file(text: Union[str, Path]) -> bool:
    if isinstance(text, Path):
        return True
    return "\n" not in text and len(text) < 4096 and Path(text).is_file()


_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """In the child: a killed test run takes its targets with it."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
