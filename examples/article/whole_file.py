"""A big file read in one piece, where line by line would do.

Truth
-----
command: run
verdict: peak
kind: bulk-read
what: str
line: LEAK
remedy: stream
"""
import os
import tempfile
import time

LINE = "2024-01-01 00:00:00 something happened, and this is what is known about it\n"
SIZE = 64 << 20


def make_file(path):
    with open(path, "w") as f:
        for _ in range(SIZE // len(LINE) // 1000 + 1):
            f.write(LINE * 1000)


def count_lines(path):
    with open(path) as f:
        content = f.read()  # MARK: LEAK
    count = at = 0
    while (at := content.find("\n", at) + 1) > 0:
        count += 1
        if count % 10000 == 0:
            time.sleep(0.02)  # the work that is done with each line
    return count


def main():
    print("READY", os.getpid(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "big_file.txt")
        make_file(path)
        print(count_lines(path), "lines")


if __name__ == "__main__":
    main()
