"""Memory from malloc that is never freed: no object of Python grows.

Truth
-----
command: diagnose
verdict: leak|inconclusive
kind: native-memory
remedy: fix-native|upgrade|close|none
"""

import ctypes
import time

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]


def hash_of(text):
    size = 20000
    scratch = libc.malloc(size)
    ctypes.memset(scratch, text[0], size)
    result = ctypes.string_at(scratch, 8)
    return result


def step():
    hash_of(b"some text")


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
