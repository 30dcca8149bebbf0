"""The reference is given back when C is done.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import ctypes
import time

take = ctypes.pythonapi.Py_IncRef
give = ctypes.pythonapi.Py_DecRef
for call in (take, give):
    call.argtypes = [ctypes.py_object]
    call.restype = None


class Packet:
    __slots__ = ("number", "body")

    def __init__(self, number):
        self.number = number
        self.body = b"packet %d" % number


def send(packet):
    take(packet)
    give(packet)


def step():
    step.number += 1
    send(Packet(step.number))


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
