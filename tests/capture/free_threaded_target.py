"""Objects that the collector knows in all its ways: with and without a prefix, frozen, of a thread that ended, large.

How many it knows is told in the name of a type, which is in the look. Prints "ready", waits for a byte.
"""

import gc
import os
import threading


class Plain:
    def __init__(self) -> None:
        self.numbers = {"one": [1]}


class Slotted:
    __slots__ = ("first", "__weakref__")


class Ended:
    pass


def fill(kept: list) -> None:
    for i in range(3750):
        kept.append([i, {}, Plain(), Slotted(), lambda: kept])
    del kept[::3]


def fill_other(kept: list) -> None:
    fill(kept)
    kept.extend(Ended() for _ in range(500))


FROZEN: list = []
thread = threading.Thread(target=fill_other, args=(FROZEN,))
thread.start()
thread.join()
gc.freeze()
KEPT: list = []
fill(KEPT)
WIDE = tuple([i] for i in range(50_000))
frozen = gc.get_freeze_count()
gc.disable()
KNOWN = type("Tracked_%d" % (len(gc.get_objects()) + frozen), (), {})()
os.write(1, b"ready\n")
os.read(0, 1)
