"""Control groups that tests make for their targets."""

import os
import uuid
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")


class NoGroup(Exception):
    """Why none can be made here."""


class Group:
    """A control group of its own, of version 1 or 2."""

    def __init__(self, controller: str):
        self.version2 = (GROUPS / "cgroup.controllers").exists()
        self.folder = (GROUPS if self.version2 else GROUPS / controller) / ("unleak-test-" + uuid.uuid4().hex[:8])
        if not self.version2 and not self.folder.parent.is_dir():
            raise NoGroup("no control groups of kind %s here" % controller)
        try:
            self.folder.mkdir()
        except OSError as problem:
            raise NoGroup("control groups may not be made here: %s" % problem.strerror) from None
        if self.version2 and controller not in (self.folder / "cgroup.controllers").read_text().split():
            self.folder.rmdir()
            raise NoGroup("the controller %s is not switched on here" % controller)

    def number(self, *names: str) -> int:
        """The first of these files that is there."""
        text = next((self.folder / name).read_text() for name in names if (self.folder / name).exists())
        return int(text)

    def events(self, key: str, *names: str) -> int:
        for name in names:
            if (self.folder / name).exists():
                rows = dict(line.split() for line in (self.folder / name).read_text().splitlines())
                return int(rows.get(key, 0))
        return 0

    def join(self) -> None:
        """The calling process becomes one of the group's."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def set(self, value: int, *names: str) -> None:
        next(self.folder / name for name in names if (self.folder / name).exists()).write_text(str(value))


LIMIT = ("memory.max", "memory.limit_in_bytes")
USED = ("memory.current", "memory.usage_in_bytes")


def nearly_full(group: Group) -> None:
    group.set(int(group.number(*USED) / 0.95), *LIMIT)


def killed(group: Group) -> int:
    return group.events("oom_kill", "memory.events", "memory.oom_control")
