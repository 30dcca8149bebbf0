"""Run by sudo, everything after the capture is done as the person who called: parsing a target's files and analysing
its objects needs no rights of root, and what is written must belong to the caller."""
from __future__ import annotations

import os
import pwd
from typing import Optional, Tuple


def caller() -> Optional[Tuple[int, int, str]]:
    """Uid, gid and name of the person behind sudo; None when this is not root by sudo."""
    if os.geteuid() != 0:
        return None
    try:
        uid, gid = int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"])
    except (KeyError, ValueError):
        return None
    if uid == 0:
        return None
    try:
        return uid, gid, pwd.getpwuid(uid).pw_name
    except KeyError:
        return uid, gid, ""


def drop() -> bool:
    """Become the caller for good. Call it when the helper is running and the targets' root folders are open."""
    person = caller()
    if person is None:
        return False
    uid, gid, name = person
    if name:
        os.initgroups(name, gid)
    else:
        os.setgroups([gid])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    return True
