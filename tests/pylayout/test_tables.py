"""The checked-in layout tables are what each interpreter's own headers say."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _load_regen() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pylayout_regen", ROOT / "src/pylayout/regen.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


regen = _load_regen()
PYTHONS: dict[str, str] = regen.pythons()


def _has_headers(python: str) -> bool:
    return Path(regen.describe(python)[1], "internal", "pycore_interp.h").exists()


@pytest.mark.parametrize("version", regen.VERSIONS)
def test_every_version_has_a_table(version: str) -> None:
    text = regen.table_path(version).read_text()
    assert "l.interpreter.next = " in text
    assert 'AddSpec(l, "code"' in text


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize("version", regen.VERSIONS)
def test_table_is_what_the_headers_say(version: str) -> None:
    python = PYTHONS.get(version)
    if python is None:
        pytest.skip(f"no python{version} on this machine")
    if not _has_headers(python):
        pytest.skip(f"python{version} has no internal headers installed")
    generated_version, text = regen.generate(python)
    assert generated_version == version
    stored = regen.table_path(version).read_text()
    assert regen.without_patch_level(text) == regen.without_patch_level(stored)
