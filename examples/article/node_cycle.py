"""Two nodes that refer to each other: freed by the collector only.

Truth
-----
command: diagnose
verdict: garbage
kind: reference-cycle
what: Node
line: LEAK
remedy: weakref|break-cycle
"""
import os
import time

class Node:
    def __init__(self, value):
        self.value = value
        self.next = None


def step():
    a = Node(bytearray(500))
    b = Node(bytearray(500))
    a.next = b  # MARK: LEAK
    b.next = a  # MARK: LEAK


def main():
    print("READY", os.getpid(), flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
