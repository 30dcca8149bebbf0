"""Which files are core files; what is in them is the capture helper's to find out."""

from __future__ import annotations


def is_core(path: str) -> bool:
    """Is that file the core of a process, also one that zstd has compressed?"""
    try:
        with open(path, "rb") as file:
            head = file.read(18)
    except OSError:
        return False
    return head[:4] == b"\x28\xb5\x2f\xfd" or head[:4] == b"\x7fELF" and head[16:18] == b"\x04\0"
