"""It is freed; the garbage stays garbage.

Truth
-----
command: diagnose
verdict: garbage|clean|not_a_leak
kind: reference-cycle
"""

import ctypes
import time

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]


class Row:
    def __init__(self):
        self.cells = [self] * 3


def step(number):
    rows = [Row() for _ in range(20 + number % 11)]
    scratch = libc.malloc(9000)
    ctypes.memset(scratch, 1, 9000)
    libc.free(scratch)
    return len(rows)


def main():
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        step(number)
        time.sleep(0.005)


if __name__ == "__main__":
    main()
