"""A pre-fork server: a parent that loads the application and forks workers, which serve requests from their own loop.

prefork.py WORKERS [leak|healthy] [LIFE]: each worker handles some 100 requests a second; with LIFE it ends after so many
seconds and the parent forks another one in its place. READY when all workers have served a request.
"""
import os
import select
import signal
import sys
import time


class Template:
    """Loaded before the fork: every worker has it."""

    def __init__(self, number):
        self.name = "page %d" % number


class Request:
    def __init__(self, number):
        self.path = "/orders/%d" % number


TEMPLATES = [Template(number) for number in range(3000)]
HISTORY = []


def serve(leaks, life, ready):
    until = time.monotonic() + life
    number = 0
    last = None
    while time.monotonic() < until:
        last = Request(number)
        if leaks:
            HISTORY.append(last)  # MARK: LEAK
        number += 1
        if number == 1:
            os.write(ready, b".")
        time.sleep(0.01)
    os._exit(0)


def fork(leaks, life, ready):
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            serve(leaks, life, ready)
        finally:
            os._exit(1)
    return pid


def main(workers, mode, life):
    begun, ready = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    pids = [fork(mode == "leak", life, ready) for _ in range(workers)]
    seen = 0
    while seen < workers:
        seen += len(os.read(begun, 1))
    print("READY", *pids, flush=True)
    while True:
        select.select([begun], [], [], 0.05)
        pid, _ = os.waitpid(-1, os.WNOHANG)
        if pid:
            fork(mode == "leak", life, ready)
        while select.select([begun], [], [], 0)[0]:
            os.read(begun, 64)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "leak", float(sys.argv[3]) if len(sys.argv) > 3 else 1e9)
