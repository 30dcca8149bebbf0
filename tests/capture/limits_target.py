"""A target that comes close to its limits.

write MIB   holds that much and writes to all of it, again and again
fork        starts and reaps children, one after the other
Prints "ready", goes on until its standard input ends, then prints what went wrong meanwhile ("0" = nothing).
"""

import os
import select
import sys


def over():
    return bool(select.select([0], [], [], 0)[0]) and not os.read(0, 1)


def write(mib):
    blocks = [bytearray(65536) for _ in range(16 * mib)]
    os.write(1, b"ready\n")
    value = 0
    while not over():
        value = (value + 1) % 256
        for block in blocks:
            block[::4096] = bytes([value]) * 16
    return sum(block[4096] != value for block in blocks)


def fork():
    failed = 0
    os.write(1, b"ready\n")
    while not over():
        try:
            pid = os.fork()
        except OSError:
            failed += 1
            continue
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    return failed


result = write(int(sys.argv[2])) if sys.argv[1] == "write" else fork()
os.write(1, b"%d\n" % result)
