"""A callback for C is kept, as it must be, but nobody says until when.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container|listener
what: CFunctionType|CThunkObject|CFUNCTYPE.*|function|.*Compare.*
holder: kept
site: LEAK
remedy: remove-entry|unregister|bound|hoist
"""

import ctypes
import time

libc = ctypes.CDLL(None)
Compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))


class Sorter:
    def __init__(self):
        self.kept = []

    def sort(self, numbers):
        array = (ctypes.c_int * len(numbers))(*numbers)
        compare = Compare(lambda a, b: a[0] - b[0])
        self.kept.append(compare)  # MARK: LEAK
        libc.qsort(array, len(numbers), ctypes.sizeof(ctypes.c_int), compare)
        return list(array)


sorter = Sorter()


def step():
    sorter.sort([3, 1, 2])


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
