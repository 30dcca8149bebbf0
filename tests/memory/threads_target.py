"""Sixteen threads that allocate and free all the time, most of it without the GIL. Prints READY when all have begun."""

import ctypes
import hashlib
import sys
import threading
import zlib

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]


def work(number, begun):
    kept = []
    text = bytes(range(256)) * 200
    turn = 0
    while True:
        turn += 1
        kept.append(libc.malloc(100 + turn * 37 * number % 20000))
        ctypes.memset(kept[-1], 1, 100)
        if len(kept) > 400:
            for chunk in kept[::2]:
                libc.free(chunk)
            del kept[::2]
        packed = zlib.compress(text[: 1000 + turn % 40000])
        hashlib.sha256(packed).hexdigest()
        if turn == 150:
            begun.release()


def main():
    begun = threading.Semaphore(0)
    for number in range(16):
        threading.Thread(target=work, args=(number, begun), daemon=True).start()
    for _ in range(16):
        begun.acquire()
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    sys.stdin.read()


main()
