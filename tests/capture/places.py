"""Programs that are started by way of others, or in a way of their own: what waits in the end is a Python."""

import subprocess
from pathlib import Path
from typing import List

import pytest

HERE = Path(__file__).resolve().parent
PROGRAM = "import os; os.write(1, b'ready\\n'); os.read(0, 1)"


class Target:
    """A running program that printed its first line and waits for the end of its standard input."""

    def __init__(self, command: List[str], **options):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)
        self.first_line = self.process.stdout.readline().decode().strip()
        assert self.first_line, "the target ended at once"

    @property
    def pid(self) -> int:
        return self.process.pid

    def end(self) -> int:
        """Lets it end by itself; its exit status."""
        self.process.communicate(timeout=60)
        return self.process.returncode


class Place:
    """A program that was started by way of others; the Python that waits is their last descendant."""

    def __init__(self, command: List[str], **options):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
        )
        self.ready = self.process.stdout.readline() == b"ready\n"

    @property
    def pid(self) -> int:
        found = self.process.pid
        while True:
            children = Path("/proc/%d/task/%d/children" % (found, found)).read_text().split()
            if not children:
                return found
            found = int(children[0])

    def end(self) -> int:
        self.process.communicate(timeout=30)
        return self.process.returncode


class Places:
    """Starts places and, at the end, holds them to having ended well after the look."""

    def __init__(self) -> None:
        self._made: List[Place] = []

    def __call__(self, command: List[str], **options) -> Place:
        made = Place(command, **options)
        if not made.ready:
            pytest.skip("cannot be made here: %s" % made.process.communicate()[1].decode().strip()[-200:])
        self._made.append(made)
        return made

    def end(self) -> None:
        for one in self._made:
            assert one.end() == 0, "the target did not end well after the look"
