"""A wrapper of a C call takes a reference for C, which never gives it back: the object has no holder and never goes.

Truth
-----
command: diagnose
verdict: leak
kind: lost-reference
what: Packet
site: LEAK|MADE|Py_IncRef@.*
remedy: fix-native|upgrade|remove-entry|close
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
    take(packet)  # MARK: LEAK


def step():
    step.number += 1
    send(Packet(step.number))  # MARK: MADE


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
