#!/usr/bin/env python3
"""Regenerates src/pylayout/tables/ from the headers of the CPython versions found on this machine.

For each interpreter (arguments, else those that `pythons()` finds) the generators genlayout.c and genspecs.c are
compiled against its own headers and their output is written to tables/<version>.inc: 3_12.inc, 3_13t.inc ...
With --check nothing is written; differences are printed and the exit status is 1.
"""

from __future__ import annotations

import argparse
import difflib
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15", "3.13t")
_ASK = (
    "import json, sys, sysconfig; print(json.dumps(["
    "'%d.%d' % sys.version_info[:2] + ('t' if sysconfig.get_config_var('Py_GIL_DISABLED') else ''),"
    "sysconfig.get_paths()['include'], sysconfig.get_config_h_filename()]))"
)


def pythons() -> dict[str, str]:
    """Interpreters by version ("3.12", "3.13t"): pyenv's, those that ./dev pythons fetched ($UNLEAK_PYTHONS), those of PATH."""
    home = Path.home()
    pyenv = os.environ.get("PYENV_ROOT", str(home / ".pyenv"))
    fetched = os.environ.get("UNLEAK_PYTHONS", str(home / ".cache" / "unleak" / "pythons"))
    found: dict[str, str] = {}
    for version in VERSIONS:
        plain = version.rstrip("t")
        candidates = sorted(glob.glob(f"{pyenv}/versions/{plain}.*/bin/python{version}"))
        candidates += [f"{fetched}/{version}/bin/python{version}", shutil.which("python" + version) or ""]
        for candidate in candidates:
            if candidate and os.access(candidate, os.X_OK):
                found[version] = candidate
                break
    return found


def describe(python: str) -> tuple[str, str, str]:
    """(version, include folder, path of pyconfig.h) of an interpreter."""
    out = subprocess.run([python, "-I", "-c", _ASK], check=True, capture_output=True, text=True).stdout
    version, include, config = json.loads(out)
    return version, include, config


def generate(python: str) -> tuple[str, str]:
    """(version, table text) of an interpreter; raises CalledProcessError with the compiler's words."""
    version, include, config = describe(python)
    folders = [include, include + "/internal", str(Path(config).parent), str(Path(include).parent), str(HERE)]
    flags = ["-w", *(f"-I{folder}" for folder in folders)]
    if version.endswith("t"):
        flags += ["-DPy_GIL_DISABLED", f"-I{include}/internal/mimalloc"]
    with tempfile.TemporaryDirectory() as folder:
        program = folder + "/genlayout"
        sources = [str(HERE / "genlayout.c"), str(HERE / "genspecs.c")]
        subprocess.run([os.environ.get("CC", "cc"), *flags, *sources, "-o", program], check=True)
        text = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return version, text


def table_path(version: str) -> Path:
    """Where the table of a version is checked in."""
    return HERE / "tables" / (version.replace(".", "_") + ".inc")


def without_patch_level(text: str) -> list[str]:
    """The table's lines but those that name the patch release, which layouts do not depend on."""
    return [line for line in text.splitlines() if not line.startswith(("//", "l.hex"))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("python", nargs="*", help="interpreters (default: all that are found)")
    args = parser.parse_args()
    differs = False
    for python in args.python or pythons().values():
        version, text = generate(python)
        path = table_path(version)
        if not args.check:
            path.write_text(text)
            print(f"{version}: {path.name}")
            continue
        old = path.read_text() if path.exists() else ""
        diff = list(
            difflib.unified_diff(without_patch_level(old), without_patch_level(text), str(path), python, lineterm="")
        )
        print("\n".join(diff) if diff else f"{version}: same")
        differs = differs or bool(diff)
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
