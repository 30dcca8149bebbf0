"""The file in batches, each dropped when its work is done.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""
import os
import tempfile
import time

LINE = b"2024-01-01 00:00:00 something happened, and this is what is known about it\n"
SIZE = 1 << 20
LINES = 0
FILE = tempfile.TemporaryFile()
FILE.write(LINE * (SIZE // len(LINE)))


def step():
    global LINES
    batch = FILE.read(1024)
    if batch:
        LINES += batch.count(b"\n")
    else:
        FILE.seek(0)


def main():
    print("READY", os.getpid(), flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
