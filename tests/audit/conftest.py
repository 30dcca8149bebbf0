"""Programs that the tests of the audit are made of."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).resolve().parent))


def built(name: str) -> str:
    """A program of tests/audit/CMakeLists.txt, from $UNLEAK_BUILD or the newest build that has it."""
    chosen = os.environ.get("UNLEAK_BUILD")
    folders = [Path(chosen)] if chosen else sorted(ROOT.glob("build/*"))
    found = [path for path in (folder / "tests" / "audit" / name for folder in folders) if path.is_file()]
    if not found:
        pytest.skip("%s is not built: cmake --build --preset dev --target %s" % (name, name))
    return str(max(found, key=lambda path: path.stat().st_mtime))


@pytest.fixture(scope="session")
def pools_probe() -> str:
    return built("pools_probe")
