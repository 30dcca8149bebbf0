"""One folder for all jobs.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
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
        import plugin

        return plugin.LIMIT
    finally:
        sys.path.remove(folder)
        del sys.modules["plugin"]


def step(number):
    load(os.path.join(ROOT, "job"))


def main():
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        step(number)
        time.sleep(0.02)


if __name__ == "__main__":
    main()
