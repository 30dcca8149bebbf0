"""How far a look explains reference counts, and where interpreters with third-party packages are found."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

HERE = Path(__file__).resolve().parent
PACKAGES = ("numpy", "pandas", "lxml", "pydantic", "protobuf", "SQLAlchemy")
OPTIONAL = ("lxml",)
"""What the program can do without, where an interpreter has no binaries of it (free-threaded 3.13)."""
PACKAGES_TARGET = HERE / "packages_target.py"
sys.path.insert(0, str(HERE.parents[1] / "python"))


def explained(capture_tool: str, pid: int, path: Path) -> Dict[str, Any]:
    """What `unleak` says of one look at `pid`: "completeness", and "references" with what is left over by type."""
    from unleak._core import Snapshot

    command = [capture_tool, "snapshot", str(pid), "-o", str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    snapshot = Snapshot.open(path)
    try:
        snapshot.top({"limit": 1})  # builds the graph
        return snapshot.info()
    finally:
        snapshot.close()


def environments() -> Path:
    """Where tests/stress/stress_completeness.py makes virtual environments, a folder a tag."""
    chosen = os.environ.get("UNLEAK_PACKAGES")
    return Path(chosen) if chosen else Path.home() / ".cache" / "unleak" / "packages"


def left_out(tag: str) -> List[str]:
    """The packages that the finished environment of `tag` lacks: its file `ready` names them."""
    return (environments() / tag / "ready").read_text().split()


def environment_of(tag: str) -> Optional[str]:
    """The interpreter of the finished environment of `tag`, None if there is none."""
    folder = environments() / tag
    return str(folder / "bin" / "python") if (folder / "ready").exists() else None
