"""A file that is read in batches, as it should be, but every batch is kept.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: bytes
holder: BATCHES
line: LEAK
remedy: remove-entry|bound|stream|del
"""
import os
import tempfile
import time

LINE = b"2024-01-01 00:00:00 something happened, and this is what is known about it\n"
SIZE = 1 << 20
BATCHES = []
FILE = tempfile.TemporaryFile()
FILE.write(LINE * (SIZE // len(LINE)))


def step():
    batch = FILE.read(1024)
    if batch:
        BATCHES.append(batch)  # MARK: LEAK
    else:
        FILE.seek(0)


def main():
    print("READY", os.getpid(), flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
