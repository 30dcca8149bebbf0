"""Two interpreters beside the main one (from 3.12 on each with a GIL of its own), each with a busy thread; all three work on.

Each keeps 500 instances of a class `Planted`. Prints "ready" once all are at work. A line on the standard input is answered
once each of them has done more than at the line before. Ends with its input.
"""

import os
import struct
import sys
import tempfile
import threading

try:
    import _interpreters as interpreters  # 3.13+
except ImportError:
    import _xxsubinterpreters as interpreters

WORKERS = 2
WORK = """
import os
class Planted:
    def __init__(self, i):
        self.name = "planted %d" % i
kept = [Planted(i) for i in range(500)]
rounds = 0
while True:
    junk = [{{"round": i}} for i in range(200)]
    rounds += 1
    os.pwrite({file}, rounds.to_bytes(8, "little"), {place})
"""


def create() -> object:
    return interpreters.create("isolated") if sys.version_info >= (3, 13) else interpreters.create()


def rounds(file: int) -> "tuple[int, ...]":
    return struct.unpack("<%dQ" % WORKERS, os.pread(file, 8 * WORKERS, 0).ljust(8 * WORKERS, b"\0"))


def wait_for_work(file: int, before: "tuple[int, ...]") -> "tuple[int, ...]":
    while any(now <= was for now, was in zip(rounds(file), before)):
        junk = [{"waiting": i} for i in range(100)]
        del junk
    return rounds(file)


def main() -> None:
    with tempfile.TemporaryFile() as shared:
        file = shared.fileno()
        for i in range(WORKERS):
            code = WORK.format(file=file, place=8 * i)
            threading.Thread(target=interpreters.run_string, args=(create(), code)).start()
        done = wait_for_work(file, (0,) * WORKERS)
        print("ready", flush=True)
        for _ in sys.stdin:
            done = wait_for_work(file, done)
            print("worked", flush=True)
        os._exit(0)  # to end such interpreters in order is more than some versions can


if __name__ == "__main__":
    main()
