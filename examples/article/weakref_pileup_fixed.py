"""The callback takes the dead reference out of the set.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""
import os
import time
import weakref

WATCHED = set()


class Resource:
    def __init__(self):
        self.data = bytearray(1000)


def step():
    resource = Resource()
    WATCHED.add(weakref.ref(resource, WATCHED.discard))


def main():
    print("READY", os.getpid(), flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
