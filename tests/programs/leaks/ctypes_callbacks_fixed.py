"""It is kept while C may call it.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
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
        self.kept.append(compare)
        libc.qsort(array, len(numbers), ctypes.sizeof(ctypes.c_int), compare)
        self.kept.remove(compare)
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
