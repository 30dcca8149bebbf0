"""Busy programs to be looked at while they run: busy.py KIND HEARTBEAT_FILE.

Each beats into a 16-byte file, so that a program that was stopped or broken shows: beats of its main work (u64), beats
of a side thread that checks itself (u32), and what was found wrong (u32, 0 = nothing): floating point results, the
signal mask or the signal stack of a thread changed under it, a wrong result of the work itself.
"""

import asyncio
import ctypes
import faulthandler
import gc
import hashlib
import math
import mmap
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from typing import Any, Callable, Dict, List, Tuple

WRONG_FLOAT, WRONG_SIGNAL_STACK, WRONG_MASK, WRONG_CHILD, WRONG_SLEEP = 1, 2, 3, 4, 5

KEEP = [{"number": i, "text": "x%d" % i, "list": [i, (i, str(i))]} for i in range(int(os.environ.get("BUSY_HEAP", "4000")))]
"""A heap of some size, so that a walk takes a while; in long runs a smaller one."""


class Heart:
    """The heartbeat file."""

    def __init__(self, path: str):
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 16)
        self._beats = 0
        self._checks = 0

    def beat(self) -> None:
        self._beats += 1
        self._map[0:8] = struct.pack("<Q", self._beats)

    def checked(self) -> None:
        self._checks += 1
        self._map[8:12] = struct.pack("<I", self._checks & 0xFFFFFFFF)

    def wrong(self, what: int) -> None:
        self._map[12:16] = struct.pack("<I", what)


def calculate() -> float:
    """The same floating point result every time, unless registers were lost."""
    total = 0.0
    for i in range(1, 400):
        total += math.sin(i) * i**0.5 / (i + 0.25)
    return total


def signal_stack() -> Tuple[int, ...]:
    """The alternate signal stack of this thread, as sigaltstack(2) tells it."""
    stack = (ctypes.c_uint64 * 3)()
    ctypes.CDLL(None).sigaltstack(None, stack)
    return tuple(stack)


def check_forever(heart: Heart) -> None:
    """Side thread: are floats, signal mask and signal stack what they were?"""
    result, stack = calculate(), signal_stack()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    while True:
        if calculate() != result:
            heart.wrong(WRONG_FLOAT)
        if signal_stack() != stack:
            heart.wrong(WRONG_SIGNAL_STACK)
        if signal.pthread_sigmask(signal.SIG_BLOCK, []) != mask:
            heart.wrong(WRONG_MASK)
        heart.checked()
        time.sleep(0.002)


def idle(heart: Heart) -> None:
    while True:
        time.sleep(0.01)
        heart.beat()


def poll(heart: Heart) -> None:
    here, _there = socket.socketpair()
    while True:
        select.select([here], [], [], 0.01)
        heart.beat()


def mutate(heart: Heart, seed: int) -> None:
    """Containers of all kinds that grow, shrink and are resized."""
    chance = random.Random(seed)
    table: Dict[Any, Any] = {}
    rows: List[Any] = []

    class Item:
        pass

    while True:
        key = chance.randrange(5000)
        table[key] = {"value": [key], "text": str(key)}
        rows.append((key, table[key]))
        item = Item()
        item.first = key  # type: ignore[attr-defined]
        item.second = rows[-1]  # type: ignore[attr-defined]
        setattr(item, "field%d" % (key % 7), item)
        table["item%d" % (key % 50)] = item
        if len(rows) > 3000:
            del rows[:1000]
        if key % 7 == 0:
            table.pop(chance.randrange(5000), None)
        if key % 3 == 0:
            members = set(str(key))
            members.update(str(i) for i in range(key % 100))
            table["set%d" % (key % 20)] = members
        if len(table) > 4500:
            table.clear()
        heart.beat()


def threads(heart: Heart) -> None:
    for seed in range(3):
        threading.Thread(target=mutate, args=(heart, seed), daemon=True).start()
    mutate(heart, 99)


def allocate_forever(heart: Heart) -> None:
    while True:
        blocks = [bytearray(size) for size in range(600, 9000, 97)]
        zlib.compress(bytes(blocks[-1]) * 20)
        hashlib.sha256(bytes(blocks[-2]) * 50).digest()
        [b"%d" % i * 200 for i in range(100)]
        heart.beat()


def allocate(heart: Heart) -> None:
    for _ in range(3):
        threading.Thread(target=allocate_forever, args=(heart,), daemon=True).start()
    allocate_forever(heart)


def collect(heart: Heart) -> None:
    class Node:
        other: Any = None

        def __del__(self) -> None:
            pass

    while True:
        for _ in range(200):
            one, two = Node(), Node()
            one.other, two.other = two, one
        gc.collect()
        heart.beat()


def hold(heart: Heart) -> None:
    """C code that keeps the GIL for long stretches."""
    while True:
        pow(3, 120000)
        sorted(range(300000), reverse=True)
        heart.beat()


async def serve(heart: Heart) -> None:
    queue: "asyncio.Queue[Any]" = asyncio.Queue()

    async def worker() -> None:
        while True:
            item = await queue.get()
            await asyncio.sleep(0)
            queue.put_nowait(1 if isinstance(item, dict) else {"item": [item]})

    for i in range(50):
        queue.put_nowait(i)
    tasks = [asyncio.ensure_future(worker()) for _ in range(40)]
    while tasks:
        try:
            await asyncio.wait_for(asyncio.sleep(1), 0.005)
        except asyncio.TimeoutError:
            heart.beat()


def coroutines(heart: Heart) -> None:
    asyncio.run(serve(heart))


def children(heart: Heart) -> None:
    """fork, subprocess and short threads: children must be found, and no other ones."""
    while True:
        pid = os.fork()
        if pid == 0:
            os._exit(7)
        if os.waitpid(pid, 0)[1] != 7 << 8 or subprocess.call(["/bin/true"]) != 0:
            heart.wrong(WRONG_CHILD)
        thread = threading.Thread(target=calculate)
        thread.start()
        thread.join()
        heart.beat()


def answer_forever(connection: socket.socket) -> None:
    """A worker of a pre-fork server: numbers in, their lists' lengths out."""
    served: Dict[int, List[int]] = {}
    while True:
        request = connection.recv(8)
        if not request:
            os._exit(0)
        number = struct.unpack("<Q", request)[0]
        served[number % 500] = list(range(number % 1000))
        connection.sendall(struct.pack("<Q", len(served[number % 500])))


def prefork(heart: Heart) -> None:
    """The parent of three workers that share its heap; their answers must be right."""
    workers = []
    for _ in range(3):
        here, there = socket.socketpair()
        if os.fork() == 0:
            here.close()
            for other in workers:
                other.close()
            answer_forever(there)
        there.close()
        workers.append(here)
    number = 0
    while True:
        number += 1
        for worker in workers:
            worker.sendall(struct.pack("<Q", number))
        for worker in workers:
            if struct.unpack("<Q", worker.recv(8))[0] != number % 1000:
                heart.wrong(WRONG_CHILD)
        heart.beat()


WORK_OF_AN_INTERPRETER = """
import time
kept = {}
round = 0
while True:
    round += 1
    kept[round % 3000] = [str(round), {"round": round}]
    time.sleep(0)
"""


def subinterpreters(heart: Heart) -> None:
    """Two more interpreters at work; from 3.12 on each with a GIL of its own."""
    for _ in range(2):
        if sys.version_info >= (3, 13):
            import _interpreters as api

            new = api.create("isolated")
        else:
            import _xxsubinterpreters as api

            new = api.create()
        threading.Thread(target=api.run_string, args=(new, WORK_OF_AN_INTERPRETER), daemon=True).start()
    rows: List[Any] = []
    while True:
        rows.append({"row": len(rows)})
        if len(rows) > 2000:
            rows.clear()
        time.sleep(0)
        heart.beat()


def arrays(heart: Heart) -> None:
    """numpy in four threads, with and without the GIL."""
    import numpy

    def work() -> None:
        rows = numpy.arange(40000.0).reshape(200, 200)
        while True:
            product = rows @ rows
            objects = numpy.array([[i] for i in range(500)], dtype=object)
            if product[1, 1] != (rows[1] * rows[:, 1]).sum() or len(objects) != 500:
                heart.wrong(WRONG_FLOAT)
            heart.beat()

    for _ in range(3):
        threading.Thread(target=work, daemon=True).start()
    work()


def signals(heart: Heart) -> None:
    """A timer signal every millisecond; sleeps must not become shorter by it."""
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    while True:
        start = time.monotonic()
        time.sleep(0.01)
        if time.monotonic() - start < 0.0099:
            heart.wrong(WRONG_SLEEP)
        os.kill(os.getpid(), signal.SIGUSR1)
        heart.beat()


KINDS: Dict[str, Callable[[Heart], None]] = {
    "idle": idle, "poll": poll, "threads": threads, "allocate": allocate, "collect": collect, "hold": hold,
    "coroutines": coroutines, "children": children, "signals": signals, "prefork": prefork,
    "subinterpreters": subinterpreters, "arrays": arrays,
}  # fmt: skip
WITH_CHILDREN = ("children", "prefork")


def main() -> None:
    heart = Heart(sys.argv[2])
    faulthandler.enable()  # gives the main thread a signal stack
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    if sys.argv[1] not in WITH_CHILDREN:  # there, a forked child would have to be told from the target
        threading.Thread(target=check_forever, args=(heart,), daemon=True).start()
    else:
        heart.checked()
    KINDS[sys.argv[1]](heart)


if __name__ == "__main__":
    main()
