"""Two nodes, the way back a weak reference: freed when the last name goes.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""
import os
import time
import weakref

class Node:
    def __init__(self, value):
        self.value = value
        self.next = None


def step():
    a = Node(bytearray(500))
    b = Node(bytearray(500))
    a.next = b
    b.next = weakref.ref(a)


def main():
    print("READY", os.getpid(), flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
