"""argv[1] is what it does 200 times a second: "leak" loses a block of malloc, "rare" one among many that are given back,
"free" gives it back, "hold" fragments.

Under "hold" each round frees 32 MiB in small pieces but for one in fifty, which stays until the next round.
"""

import ctypes
import sys
import time

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
KEPT = []


def lose():
    ctypes.memset(libc.malloc(3000), 1, 3000)


def lose_among_many():
    for size in range(600, 1400):
        bytearray(size)
    libc.malloc(3000)


def give_back():
    block = libc.malloc(3000)
    ctypes.memset(block, 1, 3000)
    libc.free(block)


def hold():
    if len(KEPT) % 50 == 0:
        pieces = [bytearray(1500) for _ in range(22_000)]
        KEPT[:] = pieces[::50]
    KEPT.append(None)


def main():
    step = {"leak": lose, "rare": lose_among_many, "free": give_back, "hold": hold}[sys.argv[1]]
    for _ in range(200):
        step()
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    while True:
        step()
        time.sleep(0.005)


main()
