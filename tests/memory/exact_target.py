"""Fills the heaps with used and free chunks of many sizes, writes what malloc says of itself, and then stands still.

argv[1]: a file of 4 KiB for the figures, as unsigned 64-bit numbers: arena, hblks, hblkhd, uordblks, fordblks of
mallinfo2(3), or mallinfo(3) where that is missing, sys.getallocatedblocks(), and the minor version of glibc.
"""

import ctypes
import mmap
import os
import struct
import sys
import threading

libc = ctypes.CDLL(None)
FIELDS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()


class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in FIELDS]


libc.mallinfo2.restype = Info
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]


def fill(ready=None, leave=None):
    """Used chunks with free ones between them; some go to the thread's cache, some to the fast bins."""
    kept = [libc.malloc(16 + 24 * i) for i in range(600)]
    for i, chunk in enumerate(kept):
        if i % 3 == 0:
            libc.free(chunk)
    small = [libc.malloc(40) for _ in range(200)]
    for chunk in small[::2]:
        libc.free(chunk)
    if ready is not None:
        ready.release()
        leave.acquire()


def main():
    page = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 4096)
    ready, leave = threading.Semaphore(0), threading.Semaphore(0)
    threads = [threading.Thread(target=fill, args=(ready, leave), daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.acquire()
    fill()
    big = [libc.malloc(size << 10) for size in (200, 300, 5000)]
    untouched = mmap.mmap(-1, 32 << 20)
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    struct.pack_into("<Q", page, 48, int(os.confstr("CS_GNU_LIBC_VERSION").split(".")[1]))
    for _ in range(3):  # the first call may allocate for itself
        info = libc.mallinfo2()
        struct.pack_into(
            "<6Q", page, 0, info.arena, info.hblks, info.hblkhd, info.uordblks, info.fordblks, sys.getallocatedblocks()
        )
    os.read(0, 1)
    for _ in threads:
        leave.release()
    del big, untouched


main()
