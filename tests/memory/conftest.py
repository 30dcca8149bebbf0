"""What the ledger says of a process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict

import pytest


@pytest.fixture
def memory_of(repository: Path) -> Callable[[int], Dict[str, Any]]:
    """memory_of(pid) is the document of `unleak memory PID --json`."""

    def ask(pid: int) -> Dict[str, Any]:
        environment = {**os.environ, "PYTHONPATH": str(repository / "python")}
        command = [sys.executable, "-m", "unleak", "memory", str(pid), "--json"]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return ask
