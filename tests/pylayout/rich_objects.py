"""Makes several objects of most builtin and stdlib types that hold references. Python 3.9+."""

import array
import ast
import asyncio
import collections
import contextvars
import csv
import ctypes
import datetime
import decimal
import functools
import io
import itertools
import json
import mmap
import operator
import os
import pickle
import queue
import random
import re
import socket
import sqlite3
import struct
import sys
import threading
import time
import types
import weakref
import xml.etree.ElementTree as ElementTree
from typing import Any, Callable, List


class Plain:
    def method(self) -> "Plain":
        return self

    @property
    def value(self) -> int:
        return 1

    @classmethod
    def of_class(cls) -> type:
        return cls

    @staticmethod
    def of_nobody() -> int:
        return 1

    def __call__(self, *args: Any, **keywords: Any) -> None:
        return None


class Slots:
    __slots__ = ("a", "b", "__weakref__")


class SlotsAndDict(Slots):
    __slots__ = ("c", "__dict__")


class SubDict(dict):
    pass


class SubList(list):
    pass


class SubTuple(tuple):
    pass


class SubInt(int):
    pass


class Error(Exception):
    pass


class Meta(type):
    pass


class OfMeta(metaclass=Meta):
    x = 1


class Sequence:
    def __getitem__(self, index: int) -> int:
        return 1

    def __len__(self) -> int:
        return 3


class Zoned(datetime.datetime):
    pass


class Record(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int), ("p", ctypes.py_object)]


def _with(thing: Any, **attributes: Any) -> Any:
    for name, value in attributes.items():
        setattr(thing, name, value)
    return thing


def instances(i: int) -> List[Any]:
    plain = Plain()
    with_dict = _with(Plain(), x=[i])
    with_dict.__dict__["later"] = [i]
    return [
        _with(plain, x=[i], y={"k": plain}),
        with_dict,
        _with(Slots(), a=[i]),
        _with(SlotsAndDict(), a=[1], c=[2], z=[3]),
        _with(SubDict(x=[1]), attr=[2]),
        _with(SubList([[1], [2]]), attr=[3]),
        _with(SubTuple([[1]]), attr=[4]),
        _with(SubInt(7), attr=[i]),
        OfMeta,
        Meta,
        types.ModuleType("m%d" % i),
        types.SimpleNamespace(a=[1]),
    ]


def containers(i: int) -> List[Any]:
    ordered = collections.OrderedDict(a=[1])
    ordered[i] = [2]  # type: ignore[index]
    default = collections.defaultdict(lambda: [i])
    default["z"]
    changed = {str(n): [n] for n in range(20)}
    del changed["3"]
    gone = set(range(50)) - {7}
    gone.discard(8)
    deques = [collections.deque([n] for n in range(200 * i)), collections.deque([[1]], 3)]
    deques[0].extendleft([[1], [2]])
    return [
        [[1], (2,)],
        ([], {}),
        {"a": [1], 1: [2]},
        {"only": ["s"]},
        changed,
        gone,
        {1, 2, frozenset([i])},
        *deques,
        _with(ordered, attr=1),
        default,
        collections.Counter("abc"),
        collections.ChainMap({}, {}),
        array.array("i", [1, 2]),
        bytearray(100),
        memoryview(bytearray(10)),
        memoryview(bytearray(10))[2:5],
        range(i, 1000),
        slice([1], [2], [3]),
        types.MappingProxyType({"a": [1]}),
        {1: [2]}.keys(),
        {1: [2]}.values(),
        {1: [2]}.items(),
        ordered.keys(),
        ordered.items(),
    ]


def callables(i: int) -> List[Any]:
    def outer(x: Any = [i], *, k: Any = {"i": i}) -> Callable[[], Any]:
        def inner() -> Any:
            return x, k, i

        return inner

    plain = Plain()
    partial = _with(functools.partial(print, [i]), attr=1)
    caches = []
    for size in (None, 4, 0):
        cache = functools.lru_cache(maxsize=size)(lambda x: [x])
        for n in range(7):
            cache(n)
            cache((n, "k"))
        caches.append(_with(cache, attr=[1]))
    inner = outer()
    return [
        _with(outer, attr=[i]),
        inner,
        inner.__closure__[0],
        types.CellType(),
        plain.method,
        [].append,
        len,
        {}.__len__,  # type: ignore
        Plain.__dict__["value"],
        Plain.__dict__["of_class"],
        Plain.__dict__["of_nobody"],
        Plain.__dict__["__dict__"],
        Slots.a,  # type: ignore
        dict.get,
        dict.__len__,
        dict.__dict__["fromkeys"],
        Plain.__dict__,
        outer.__code__,
        property([1], [2], [3], "d"),  # type: ignore
        partial,
        functools.partialmethod(print, [1]),
        functools.cmp_to_key(plain),
        functools.cmp_to_key(plain)([1]),
        operator.itemgetter(0, 2),
        operator.attrgetter("a.b"),
        operator.methodcaller("x", [1], k=[2]),
        super(Plain, plain),
        *caches,
    ]


def suspended(i: int) -> List[Any]:
    def numbers(z: Any) -> Any:
        y = [z]
        yield y
        yield [n for n in y]

    async def waits(z: Any) -> None:
        await asyncio.sleep(0, z)

    async def yields(z: Any) -> Any:
        yield z

    started, done = numbers([2]), numbers([3])
    next(started)
    list(done)
    coroutine, agen = waits([i]), yields([i])
    return [
        numbers([1]),
        started,
        done,
        ([x] for x in [[1]]),
        coroutine,
        coroutine.__await__(),
        agen,
        agen.asend(None),
        agen.athrow(ValueError),
        agen.__aiter__(),
    ]


def errors(i: int) -> List[Any]:
    made: List[Any] = [
        OSError(2, [1], [2]),
        SyntaxError([1], ([2], 1, [3], [4])),
        StopIteration([1]),
        SystemExit([2]),
        UnicodeDecodeError("u", b"x", 0, 1, "r"),
        UnicodeTranslateError("x", 0, 1, "r"),
        ImportError("x", name=[1], path=[2]),
        AttributeError([1]),
        NameError([1]),
        MemoryError([1]),
    ]  # type: ignore
    try:
        try:
            raise Error([i], {})
        except Error as cause:
            raise KeyError([i]) from cause
    except KeyError as error:
        made += [_with(error, attr=[1]), error.__traceback__, error.__traceback__.tb_frame]  # type: ignore
    if sys.version_info >= (3, 11):
        made.append(ExceptionGroup("g", [Error(1)]))  # noqa: F821
    return made


def iterators(i: int) -> List[Any]:
    plain = Plain()
    made: List[Any] = [
        iter(x)
        for x in (
            [1],
            (1, [i]),
            {1: 2},
            {1},
            "abc",
            b"abc",
            bytearray(3),
            range(3),
            range(1 << 70),
            Sequence(),
            collections.deque([1]),
            array.array("i", [1]),
            {1: [2]}.items(),
            {1: 2}.values(),
            collections.OrderedDict(a=1),
            collections.OrderedDict(a=1).items(),
        )
    ]
    made += [
        iter(plain, [i]),
        reversed([1]),
        reversed({1: 2}),
        reversed(Sequence()),
        reversed(collections.deque([1])),
        enumerate([1]),  # type: ignore
        zip([1], [2]),
        map(plain, [1]),
        filter(plain, [1]),
        itertools.count(1.5),
        itertools.repeat([1]),
        itertools.cycle([[1]]),
        itertools.chain([[1]], [2]),
        itertools.compress([1], [2]),
        itertools.dropwhile(plain, [1]),
        itertools.takewhile(plain, [1]),
        itertools.filterfalse(plain, [1]),
        itertools.groupby([1, 1], plain),
        itertools.islice([1], 2),
        itertools.starmap(plain, [(1,)]),
        itertools.zip_longest([1], [2], fillvalue=[3]),
        itertools.product([[1], [2]], [[3]]),
        itertools.permutations([[1], [2]]),
        itertools.combinations([[1], [2]], 1),
        itertools.combinations_with_replacement([[1]], 2),
        itertools.accumulate([[1], [2]]),
    ]
    for lazy in made[-12:]:
        try:
            next(lazy)
        except (StopIteration, TypeError):
            pass
    grouped = itertools.groupby([1, 1, 2], lambda x: [x])
    tee = itertools.tee([[1], [2]])
    next(tee[0])
    return made + [next(grouped)[1], grouped, *tee]


def contexts(i: int) -> List[Any]:
    variable = contextvars.ContextVar("v%d" % i, default=[i])
    token = variable.set([i])
    context = contextvars.Context()

    def fill() -> None:
        for n in range(60):
            contextvars.ContextVar("w%d" % n).set([n])  # type: ignore

    context.run(fill)
    return [variable, token, contextvars.copy_context(), context, iter(context), context.items()]


def threads(i: int) -> List[Any]:
    local = _with(threading.local(), x=[1])
    simple: Any = queue.SimpleQueue()
    for n in range(12):
        simple.put([n])
        if n % 3 == 0:
            simple.get()
    plain = Plain()
    return [
        local,
        threading.Lock(),
        threading.RLock(),
        threading.Condition(),
        queue.Queue(),
        simple,
        threading.Timer(100, print, [1]),
        weakref.ref(plain, lambda r: i),
        weakref.proxy(plain, lambda r: i),
        weakref.WeakMethod(plain.method),
        weakref.WeakKeyDictionary({plain: [1]}),
        weakref.WeakSet([plain]),
        plain,
    ]


def values(i: int) -> List[Any]:
    zone = datetime.timezone(datetime.timedelta(hours=i + 1), "n")
    pattern = re.compile("a(?P<x>b)%d" % i)
    record = Record()
    record.p = [1]
    return [
        zone,
        datetime.datetime.now(),
        datetime.datetime.now(zone),
        datetime.time(1, 2, tzinfo=zone),
        datetime.date.today(),
        _with(Zoned.now(zone), z=[1]),
        pattern,
        pattern.match("ab%d" % i),
        struct.Struct("ii"),
        struct.iter_unpack("i", b"1234"),
        record,
        Record,
        Record.a,
        ctypes.pointer(record),
        (ctypes.c_int * 3)(),
        ctypes.create_string_buffer(10),
        ctypes.py_object([1]),
        os.stat("/"),
        sys.version_info,
        time.localtime(),
        os.times(),
        list[int],
        ast.parse("x = 1 + y"),
        decimal.Decimal("1.5"),
        random.Random(),
        types.MethodType(print, [1]),
    ]


def files(i: int) -> List[Any]:
    text, lines, binary = _with(open(os.devnull), attr=[1]), open(__file__), _with(open(__file__, "rb"), attr=[1])
    lines.readline()
    binary.read(10)
    pending = open(os.devnull, "w")
    pending.write("abc")
    element = ElementTree.fromstring('<a x="1"><b>t</b>u</a>')
    connection = sqlite3.connect(":memory:")
    cursor = connection.execute("select 1 as a, 2")
    return [
        io.BytesIO(b"x" * 200),
        io.StringIO("abc" * 50),
        io.BufferedRWPair(io.BytesIO(), io.BytesIO()),
        text,
        lines,
        binary,
        pending,  # type: ignore
        open(os.devnull, "rb", buffering=0),
        io.IncrementalNewlineDecoder(None, True),
        element,
        element.iter(),
        connection,
        cursor,
        cursor.fetchone(),
        csv.reader([]),
        csv.writer(io.StringIO()),
        json.scanner.c_make_scanner(json.JSONDecoder()),  # type: ignore
        pickle.Pickler(io.BytesIO()),
        pickle.Unpickler(io.BytesIO()),
        mmap.mmap(-1, 4096),
        socket.socket(),
    ]


def tasks() -> List[Any]:
    """Futures and tasks of a loop that has stopped in between; the loop first."""
    loop = asyncio.new_event_loop()

    async def wait_for(future: Any) -> None:
        await future

    async def run() -> List[Any]:
        made: List[Any] = []
        for i in range(5):
            waiting, failed = loop.create_future(), loop.create_future()
            waiting.add_done_callback(print)
            waiting.add_done_callback(repr)
            failed.set_exception(KeyError(i))
            failed.exception()
            made += [
                waiting,
                failed,
                loop.create_task(wait_for(waiting)),
                waiting.__await__(),
                loop.call_later(1000, print, [1]),
                asyncio.Event(),
                asyncio.Queue(),
            ]
        await asyncio.sleep(0)
        return made

    return [loop] + loop.run_until_complete(run())


def make_all() -> List[Any]:
    """Six of each kind."""
    kinds = (instances, containers, callables, suspended, errors, iterators, contexts, threads, values, files)
    return [kind(i) for i in range(6) for kind in kinds] + tasks()
