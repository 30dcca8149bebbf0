"""A stdlib-heavy process that writes down what its own collector says of its heap, then stands still.

argv: file for the reference. Prints "ready" and waits for its standard input to be closed. The file holds pairs of 64-bit
words: source and target address of each reference; source 0: an object of the heap.
"""
import array
import asyncio
import collections
import contextvars
import csv
import ctypes
import dataclasses
import datetime
import decimal
import email.message
import enum
import fractions
import functools
import gc
import http.client
import io
import itertools
import json
import logging
import os
import queue
import re
import sqlite3
import sys
import threading
import types
import typing
import unittest
import weakref
import xml.etree.ElementTree


class Slots:
    __slots__ = ("left", "right", "__weakref__")


class Plain:
    limit = 1000

    def __init__(self, number):
        self.number = number
        self.data = {"key": [number]}
        self.me = self


class Late(Plain):
    """Its instances get a dict of their own."""

    def __init__(self, number):
        super().__init__(number)
        self.__dict__["not an identifier"] = number


@dataclasses.dataclass
class Record:
    name: str
    tags: list


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


def closure(value):
    def inner(default=[1, 2], *, keyword={"a": 1}):
        return value, default, keyword

    return inner


def generate(sequence):
    for item in sequence:
        yield item


async def coroutine(event):
    await event


def heap():
    """One of everything that the standard library keeps references in."""
    slots = Slots()
    slots.left, slots.right = slots, [1.5, 2j]
    plain = [Plain(i) for i in range(50)] + [Late(i) for i in range(5)]
    started = generate([Plain(1000)])
    next(started)
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    task = loop.create_task(coroutine(future))
    loop.call_soon(loop.stop)
    loop.run_forever()
    task._log_destroy_pending = False  # it never ends
    context = contextvars.copy_context()
    variable = contextvars.ContextVar("variable", default=[])
    context.run(variable.set, {"x": 1})
    cached = functools.lru_cache(maxsize=8)(lambda x: [x])
    for i in range(12):
        cached(i)
    database = sqlite3.connect(":memory:")
    cursor = database.execute("create table t (a)")
    tree = xml.etree.ElementTree.fromstring("<a><b c='d'>text</b></a>")
    try:
        raise ValueError(plain[0])
    except ValueError as caught:
        error = caught
    local = threading.local()
    local.value = [plain[1]]
    structure = type("Structure", (ctypes.Structure,), {"_fields_": [("a", ctypes.c_int)]})()
    return [
        slots, plain, started, loop, future, task, context, variable, cached, database, cursor, tree, error, local, structure,
        Record("x", ["y"]), Colour.RED, closure([plain[2]]), plain[3].__init__, weakref.ref(plain[4], print),
        weakref.WeakValueDictionary({1: plain[5]}), weakref.WeakKeyDictionary({plain[6]: plain[7]}), weakref.proxy(plain[8]),
        collections.deque(plain, maxlen=100), collections.OrderedDict(a=plain[9]), collections.defaultdict(list, {1: [2]}),
        collections.Counter("abc"), collections.ChainMap({}, {1: plain}), array.array("d", range(9)), bytearray(100),
        memoryview(bytearray(10)), {1, 2.5, "s"}, frozenset([("t", plain[10])]), types.SimpleNamespace(a=plain[11]),
        types.MappingProxyType({"m": plain[12]}), functools.partial(print, plain[13], sep=plain[14]), iter(plain), zip(plain, plain),
        map(str, plain), filter(None, plain), enumerate(plain), reversed(plain), itertools.chain(plain, plain), itertools.count(2),
        itertools.cycle(plain), itertools.tee(plain)[0], itertools.groupby(plain), itertools.islice(plain, 5), slice(plain, 1),
        range(10**20), datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(1), decimal.Decimal("1.5"),
        decimal.getcontext(), fractions.Fraction(1, 3), re.compile("a(b)"), re.match("a(b)", "ab"), queue.Queue(), queue.SimpleQueue(),
        io.BytesIO(b"abc"), io.StringIO("abc"), logging.getLogger("reference"), threading.Lock(), threading.RLock(),
        threading.Event(), json.JSONEncoder(), email.message.Message(), csv.reader([]), os.stat("."), typing.List[int], int | str
        if sys.version_info >= (3, 10) else None, staticmethod(len), classmethod(len), property(len), sys.exc_info(), 10**100,
        unittest.TestCase(), http.client.HTTPConnection("localhost"), "non-ascii \u20ac", "\U0001f600" * 3, b"x" * 100,
    ]


def is_interned_dict(thing):
    """3.14 and newer list the table of interned strings, which owns nothing."""
    return type(thing) is dict and len(thing) > 1000 and all(type(k) is str and k is v for k, v in thing.items())


def write_reference(path):
    gc.collect()
    gc.disable()
    listed = gc.get_objects()
    pairs = array.array("Q")
    seen = set()
    mine = {id(x) for x in (listed, pairs, seen, sys._getframe())} | {id(x) for x in listed if is_interned_dict(x)}
    mine.add(id(mine))
    stack = []
    for thing in listed:  # no comprehension: its cells would be objects that end with this function
        if id(thing) not in mine:
            stack.append(thing)
    mine.add(id(stack))
    del listed
    while stack:
        thing = stack.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        pairs.append(0)
        pairs.append(id(thing))
        for other in gc.get_referents(thing):
            if id(other) not in mine:
                pairs.append(id(thing))
                pairs.append(id(other))
                if id(other) not in seen:
                    stack.append(other)
    with open(path, "wb") as file:
        pairs.tofile(file)


def main():
    keep = heap()
    write_reference(sys.argv[1])
    os.write(1, b"ready\n")
    os.read(0, 1)
    return keep


main()
