"""Programs whose reference counts a look should explain: `stdlib` imports much of the standard library and makes objects of
most of its types; `asyncio` is a running event loop with sqlite3, decimal and ctypes at work. Prints READY, waits for a line.
"""

import asyncio
import contextvars
import ctypes
import decimal
import os
import sqlite3
import sys
import threading
import warnings

warnings.simplefilter("ignore")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "pylayout"))

REQUEST = contextvars.ContextVar("request", default=None)


def standard_library() -> None:
    """Imports and objects of the stdlib-heavy program."""
    import argparse, configparser, copy, dataclasses, difflib, email.message, enum, fractions, gzip, hashlib  # noqa: F401, E401
    import html.parser, http.client, http.server, inspect, logging.handlers, multiprocessing, optparse  # noqa: F401, E401
    import pathlib, pickle, pprint, shelve, shlex, shutil, smtplib, ssl, statistics, string, subprocess  # noqa: F401, E401
    import tarfile, tempfile, textwrap, tokenize, traceback, typing, unittest, urllib.request, uuid  # noqa: F401, E401
    import xml.dom.minidom, xml.sax, xmlrpc.client, zipfile, concurrent.futures, ipaddress, locale  # noqa: F401, E401

    import rich_objects

    keep = rich_objects.make_all()
    wait(keep)


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_double)]


class Shape(ctypes.Structure):
    _fields_ = [("corners", Point * 4), ("next", ctypes.POINTER(Point)), ("name", ctypes.c_char_p)]


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
def compare(a: object, b: object) -> int:
    return a[0] - b[0]  # type: ignore[index]


def shapes() -> list:
    """ctypes structures, arrays, pointers and a callback that C code has called."""
    libc = ctypes.CDLL(None)
    numbers = (ctypes.c_int * 5)(5, 1, 4, 2, 3)
    libc.qsort(numbers, 5, ctypes.sizeof(ctypes.c_int), compare)
    point = Point(1, 2.5)
    return [Shape(next=ctypes.pointer(point), name=b"shape %d" % i) for i in range(20)] + [libc, numbers, point]


def database() -> list:
    """A connection with functions, adapters, statements in the cache and cursors in the middle of a result."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.create_function("twice", 1, lambda x: 2 * x)
    connection.create_collation("backwards", lambda a, b: (a < b) - (a > b))
    sqlite3.register_adapter(decimal.Decimal, str)
    sqlite3.register_converter("decimal", lambda text: decimal.Decimal(text.decode()))
    connection.execute("create table item (id integer primary key, price decimal, name text)")
    connection.executemany(
        "insert into item (price, name) values (?, ?)", [(decimal.Decimal(i) / 7, "item %d" % i) for i in range(200)]
    )
    cursors = [
        connection.execute("select *, twice(id) from item where id > %d order by name collate backwards" % i)
        for i in range(10)
    ]
    return [connection, cursors, [cursor.fetchone() for cursor in cursors]]


def sums() -> list:
    """Decimals, and contexts of this thread."""
    decimal.getcontext().prec = 40
    with decimal.localcontext() as context:
        context.prec = 60
        values = [decimal.Decimal(i) ** decimal.Decimal("1.5") for i in range(100)]
    return [values, context, decimal.getcontext().copy()]


async def request(number: int, queue: "asyncio.Queue") -> None:
    REQUEST.set({"number": number})
    async with asyncio.Lock():
        await queue.get()


async def numbers():
    for i in range(1000):
        yield i
        await asyncio.sleep(0)


async def server() -> None:
    queue: asyncio.Queue = asyncio.Queue()
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(request(i, queue)) for i in range(100)]
    failed = loop.create_future()
    failed.set_exception(ValueError("nobody asked"))
    listening = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    generator = numbers()
    first = [await generator.__anext__(), await generator.__anext__()]
    in_thread = loop.run_in_executor(None, threading.Event().wait, 0.01)
    await in_thread
    timers = [loop.call_later(3600, print, i) for i in range(20)]
    keep = [tasks, failed, listening, streams, generator, first, timers, database(), sums(), shapes()]
    loop.add_reader(sys.stdin, lambda: os._exit(0))
    await asyncio.sleep(0.01)
    print("READY", flush=True)
    await asyncio.Event().wait()
    del keep


def wait(keep: object) -> None:
    print("READY", flush=True)
    sys.stdin.readline()
    os._exit(0)


if sys.argv[1] == "stdlib":
    standard_library()
else:
    asyncio.run(server())
