"""How far a look explains reference counts."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

HERE = Path(__file__).resolve().parent
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
