"""Interpreters with third-party packages: virtual environments that tests/stress/stress_completeness.py makes once."""

import os
from pathlib import Path
from typing import List, Optional

PACKAGES = ("numpy", "pandas", "lxml", "pydantic", "protobuf", "SQLAlchemy")
OPTIONAL = ("lxml",)
"""What the programs can do without, where an interpreter has no binaries of it (free-threaded 3.13)."""


def environments() -> Path:
    """Where the environments are, a folder a tag."""
    chosen = os.environ.get("UNLEAK_PACKAGES")
    return Path(chosen) if chosen else Path.home() / ".cache" / "unleak" / "packages"


def environment_of(tag: str) -> Optional[str]:
    """The interpreter of the finished environment of `tag`, None if there is none."""
    folder = environments() / tag
    return str(folder / "bin" / "python") if (folder / "ready").exists() else None


def left_out(tag: str) -> List[str]:
    """The packages that the finished environment of `tag` lacks: its file `ready` names them."""
    return (environments() / tag / "ready").read_text().split()
