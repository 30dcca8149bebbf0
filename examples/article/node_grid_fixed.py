"""The grid again: strong references go right and down, the ways back are weak.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""
import os
import time
import weakref

SIDE = 4


class Cell:
    def __init__(self):
        self.right = None
        self.left = None
        self.down = None
        self.up = None


def connect(rows):
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            if x + 1 < SIDE:
                cell.right = row[x + 1]
                row[x + 1].left = weakref.ref(cell)
            if y + 1 < SIDE:
                cell.down = rows[y + 1][x]
                rows[y + 1][x].up = weakref.ref(cell)


def step():
    connect([[Cell() for _ in range(SIDE)] for _ in range(SIDE)])


def main():
    print("READY", os.getpid(), flush=True)
    while True:
        step()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
