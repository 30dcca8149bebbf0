"""Retained sizes of a look, object by object, against those of an independent engine.

    python tests/interop/retained_sizes.py [--build DIR] [--modules DIR] LOOK.unleak

Exports the look as .heapsnapshot, lets @memlab/core (npm, installed into the build folder when it is not there) compute
dominators, and compares. Exit status 0: all equal; 1: some differ; 3: could not be run.
"""
from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
MEMLAB = "@memlab/core@2.0.5"


def modules_in(folder: Path) -> Path:
    """The node_modules with the engine, installed if it is missing."""
    modules = folder / "node_modules"
    if not (modules / "@memlab" / "core").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", MEMLAB],
                       check=True, timeout=600, stdout=sys.stderr)
    return modules


def compare(look: Path, build: Path, modules: Path) -> dict:
    with tempfile.TemporaryDirectory() as scratch:
        exported, sizes = Path(scratch) / "look.heapsnapshot", Path(scratch) / "look.sizes"
        subprocess.run([build / "tests" / "interop" / "retained_sizes", look, exported, sizes], check=True)
        node = ["node", "--max-old-space-size=8192", str(HERE / "retained_sizes.cjs"), str(modules), str(exported), str(sizes)]
        output = subprocess.run(node, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.strip().splitlines()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("look", type=Path, help="a snapshot file")
    parser.add_argument("--build", type=Path, default=HERE.parents[1] / "build" / "dev", help="build folder (build/dev)")
    parser.add_argument("--modules", type=Path, help="folder for npm's packages (BUILD/interop)")
    args = parser.parse_args()
    if not shutil.which("node") or not shutil.which("npm"):
        print("node and npm are needed for this comparison", file=sys.stderr)
        return 3
    result = compare(args.look, args.build, modules_in(args.modules or args.build / "interop"))
    print(json.dumps(result, indent=2))
    return 1 if result["differences"] else 0


if __name__ == "__main__":
    sys.exit(main())
