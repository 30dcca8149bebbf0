"""Threads that map, protect, move and unmap memory and load and unload libraries all the time; what they wrote has to stay as it was.

Keeps 1,000 instances of `Planted`. Prints "ready" once all threads are at work. A line on the standard input is answered with the
rounds of each once all have done more than at the line before. Ends with its input, with status 9 if a byte was wrong.
"""

import _ctypes
import ctypes
import glob
import os
import random
import sys
import sysconfig
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.mremap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
FAILED, PAGE = ctypes.c_void_p(-1).value, 4096
READ, WRITE, PRIVATE_ANONYMOUS, MAY_MOVE = 1, 2, 0x22, 1
LIVE = 40


class Planted:
    def __init__(self, number):
        self.name = "planted %d" % number


KEPT = [Planted(number) for number in range(1000)]
ROUNDS, WRONG, STOP = {}, [], threading.Event()


def words(address):
    return ctypes.cast(address, ctypes.POINTER(ctypes.c_uint64))


class Piece:
    """Some pages whose first word says where they were made."""

    def __init__(self, chance):
        self.bytes = chance.randrange(2, 60) * PAGE
        self.address = libc.mmap(None, self.bytes, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0)
        if self.address == FAILED:
            raise OSError(ctypes.get_errno(), "mmap")
        self.mark = words(self.address)[0] = chance.getrandbits(63)

    def change(self, chance):
        middle = self.address + chance.randrange(1, self.bytes // PAGE) * PAGE
        libc.mprotect(middle, PAGE, chance.choice([0, READ, READ | WRITE]))  # keeps three mappings of one

    def move(self):
        libc.mprotect(self.address, self.bytes, READ | WRITE)
        moved = libc.mremap(self.address, self.bytes, self.bytes + 16 * PAGE, MAY_MOVE)
        if moved != FAILED:
            self.address, self.bytes = moved, self.bytes + 16 * PAGE

    def end(self):
        if words(self.address)[0] != self.mark:
            WRONG.append("a word of a mapping")
        libc.munmap(self.address, self.bytes)


def map_pages(chance):
    pieces = [Piece(chance) for _ in range(LIVE)]
    while True:
        number = chance.randrange(LIVE)
        pieces[number].change(chance)
        if chance.random() < 0.3:
            pieces[number].move()
        if chance.random() < 0.5:
            pieces[number].end()
            pieces[number] = Piece(chance)
        yield


def load_libraries(chance):
    """Extension modules as plain libraries: nothing of them is run."""
    files = glob.glob(sysconfig.get_config_var("DESTSHARED") + "/*.so")
    files += [name for name in ("libresolv.so.2", "libanl.so.1", "libutil.so.1", "libnsl.so.1") if is_library(name)]
    while True:
        handles = [_ctypes.dlopen(chance.choice(files), os.RTLD_LAZY) for _ in range(3)]
        yield
        for handle in handles:
            _ctypes.dlclose(handle)


def is_library(name):
    try:
        _ctypes.dlclose(_ctypes.dlopen(name, os.RTLD_LAZY))
    except OSError:
        return False
    return True


def grow_and_shrink(chance):
    """The break and the mapped chunks of malloc move."""
    while True:
        blocks = [libc.malloc(chance.randrange(1000, 400_000)) for _ in range(30)]
        for block in blocks:
            words(block)[0] = block
        yield
        for block in blocks:
            if words(block)[0] != block:
                WRONG.append("a word of a block")
            libc.free(block)
        libc.malloc_trim(0)


def work(what, seed):
    turns = what(random.Random(seed))
    while not STOP.is_set():
        next(turns)
        ROUNDS[what.__name__] = ROUNDS.get(what.__name__, 0) + 1


def wait_for_more(than):
    while len(ROUNDS) < 3 or any(rounds <= than.get(name, 0) for name, rounds in ROUNDS.items()):
        time.sleep(0.001)
    return dict(ROUNDS)


threads = [threading.Thread(target=work, args=(what, 1)) for what in (map_pages, load_libraries, grow_and_shrink)]
for thread in threads:
    thread.start()
before = wait_for_more({})
print("ready", flush=True)
for _ in sys.stdin:
    before = wait_for_more(before)
    print(sum(before.values()), flush=True)
STOP.set()
for thread in threads:
    thread.join()
sys.exit(9 if WRONG else 0)
