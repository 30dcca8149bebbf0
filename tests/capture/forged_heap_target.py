"""Forges its own heap in the way its argument says, prints "ready" and stands still; it never touches what it forged.

sizes   a list, a tuple, a str, bytes and an int that are said to be of absurd sizes, a dict whose keys are nowhere
loops   an object of the collector's list that is its own successor (a free-threaded build has no list: one that leads to itself)
types   objects whose type is a page of noise, or in no memory at all
pools   pages that begin like a pool of small objects, or like a segment of a free-threaded build, and lie about what is in them
"""

import ctypes
import gc
import mmap
import os
import random
import sys

HEAD = object.__basicsize__
FREE_THREADED = HEAD == 32
ABSURD = 1 << 60


class Holder:
    def __init__(self, what):
        self.what = what


def put(address, word):
    ctypes.c_uint64.from_address(address).value = word & (1 << 64) - 1


def get(address):
    return ctypes.c_uint64.from_address(address).value


def sizes():
    kept = [
        [1, 2, 3],
        (1, [2], 3),
        "text %d" % os.getpid(),
        b"bytes %d" % os.getpid(),
        10**40 + os.getpid(),
        {"a": [1]},
    ]
    for victim in kept[:5]:
        put(id(victim) + HEAD, ABSURD)  # ob_size, the length of a str, the tag of an int
    put(id(kept[5]) + HEAD + 16, 0x123456789000)  # ma_keys
    return kept


def loops():
    kept = [Holder(None) for _ in range(10)]
    if FREE_THREADED:
        kept[5].what = kept[5]
    else:
        put(id(kept[5]) - 16, id(kept[5]) - 16)  # _gc_next
    return kept


def types():
    page = mmap.mmap(-1, 1 << 16)
    noise = ctypes.addressof(ctypes.c_char.from_buffer(page))
    page[:] = random.Random(1).getrandbits(8 << 16).to_bytes(1 << 16, "little")
    kept = [object() for _ in range(3)] + [Holder(i) for i in range(3)] + [page]
    for victim, kind in zip(kept, (noise, noise + 8, 0x70000000, noise, 0x70000000, 0xFFFF800000000000)):
        put(id(victim) + HEAD - 8, kind)
    return kept


def pools():
    bytes_, pool = 80 << 20, 16 << 10
    page = mmap.mmap(-1, bytes_, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    start = ctypes.addressof(ctypes.c_char.from_buffer(page))
    chance = random.Random(2)
    for at in range(start + -start % pool, start + bytes_ - 2 * pool, pool):
        put(at, chance.choice([1, 2, 500]))  # used blocks
        put(at + 8, chance.choice([0, at + 48, at + 48 + 32, at + pool, ABSURD]))  # free list
        put(at + 32, chance.choice([0, 1, 31]) << 32)
        put(at + 40, (pool - 32) << 32 | 48 + 32 * chance.randrange(1, 400))
        for block in range(at + 48, at + 2048, 32):
            put(block, chance.choice([1, ABSURD, block + 32, block]))
            put(block + HEAD - 8, chance.choice([id(list), id(dict), id(tuple), id(str), id(Holder), block]))
            put(block + HEAD, ABSURD)
    segment = start + -start % (32 << 20)
    for offset, word in ((208, 1), (216, segment ^ 0x1234), (224, 512), (232, 1), (248, 512), (264, 1)):
        put(segment + offset, word)
    for i in range(1, 500):
        slice_ = segment + 264 + 96 * i
        put(slice_, 1)
        put(slice_ + 8, 1 | 1 << 3 | 0xFFFF << 16 | 0xFFFF << 32)
        put(slice_ + 16, segment + i * 65536)
        put(slice_ + 24, 5 | 48 << 32)
    return [page, [Holder(block) for block in range(10)]]


gc.collect()
gc.disable()
KEPT = {"sizes": sizes, "loops": loops, "types": types, "pools": pools}[sys.argv[1]]()
PLANTED = [Holder(i) for i in range(1000)] if sys.argv[1] != "loops" else None
print("ready", flush=True)
os.read(0, 1)
os._exit(0)
