"""Weak references that are kept after their objects have died.

Truth
-----
command: diagnose
verdict: leak
kind: weakref-misuse|growing-container
what: weakref|ReferenceType
holder: WATCHED
line: LEAK
remedy: remove-entry|bound|unregister|weakref
"""
import os
import time
import weakref

GONE = 0
WATCHED = []


class Resource:
    def __init__(self):
        self.data = bytearray(1000)


def count(reference):
    global GONE
    GONE += 1


def step():
    resource = Resource()
    WATCHED.append(weakref.ref(resource, count))  # MARK: LEAK


def main():
    print("READY", os.getpid(), flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
