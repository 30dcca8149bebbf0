"""A grid of nodes that all know their neighbours: one big cycle for each grid.

Truth
-----
command: diagnose
verdict: garbage
kind: reference-cycle
what: Cell
line: LEAK
remedy: weakref|break-cycle
"""
import os
import time

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
                cell.right = row[x + 1]  # MARK: LEAK
                row[x + 1].left = cell  # MARK: LEAK
            if y + 1 < SIDE:
                cell.down = rows[y + 1][x]  # MARK: LEAK
                rows[y + 1][x].up = cell  # MARK: LEAK


def step():
    connect([[Cell() for _ in range(SIDE)] for _ in range(SIDE)])


def main():
    print("READY", os.getpid(), flush=True)
    while True:
        step()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
