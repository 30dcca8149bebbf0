"""Each job imports its plugin from a folder of its own: the import system keeps a finder for every folder.

Truth
-----
command: diagnose
verdict: leak
kind: unbounded-cache|growing-container
what: FileFinder|set|list|str
holder: path_importer_cache
site: LEAK|_path_importer_cache@_bootstrap_external.py
remedy: bound|remove-entry
"""

import os
import sys
import tempfile
import time

ROOT = tempfile.mkdtemp()


def load(folder):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "plugin.py"), "w") as file:
        file.write("LIMIT = 1\n")
    sys.path.insert(0, folder)
    try:
        import plugin  # MARK: LEAK

        return plugin.LIMIT
    finally:
        sys.path.remove(folder)
        del sys.modules["plugin"]


def step(number):
    load(os.path.join(ROOT, "job%d" % number))


def main():
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        step(number)
        time.sleep(0.02)


if __name__ == "__main__":
    main()
