"""Makes garbage of many kinds with the collector switched off, and then lets the collector say what it is.

argv: "plain", or "finalizers" for the kinds too that the collector closes before it frees them.
Prints "READY". On a line of input it collects with DEBUG_SAVEALL and prints one JSON
object: ids of what the collector found ("saved"), of tracked objects that are gone all the same ("died"), and of all that
are there when it has then freed what it found ("left").
"""

import asyncio
import collections
import contextvars
import functools
import gc
import itertools
import json
import os
import sys
import threading
import types
import weakref
import xml.etree.ElementTree

COPIES = 10
VARIABLE = contextvars.ContextVar("variable")


class Node:
    def __init__(self):
        self.payload = {"text": "x%d" % id(self), "numbers": [1, 2.5, (3, "y")]}


class Slotted:
    __slots__ = ("next", "__weakref__")


class Mapping(dict):
    pass


class Row(tuple):
    pass


def self_list():
    items = ["a", {"b": 1}]
    items.append(items)


def pair():
    a, b = Node(), Node()
    a.next, b.next = b, a


def ring_with_tail():
    nodes = [Node() for _ in range(5)]
    for one, other in zip(nodes, nodes[1:] + nodes[:1]):
        one.next = other
    nodes[0].tail = [Node(), {"deep": [Node()]}, (1, 2), "text", b"bytes", 3.5]


def slots():
    a, b = Slotted(), Slotted()
    a.next, b.next = b, a


def self_dict():
    mapping = {"text": "t"}
    mapping["me"] = mapping
    sub = Mapping()
    sub.owner, sub["me"] = sub, sub


def tuple_cycle():
    items = []
    row = Row((items, 1))
    items.append((items, row))


def exception():
    try:
        local = [Node()]
        raise ValueError(local)
    except ValueError as error:
        kept = error  # noqa: F841 - kept, its traceback, this frame, kept


def nested_exceptions():
    def fail(depth):
        try:
            if depth:
                fail(depth - 1)
            raise KeyError(depth)
        except KeyError as error:
            raise RuntimeError(depth) from error

    try:
        fail(3)
    except RuntimeError as error:
        kept = error  # noqa: F841


def closure():
    data = [Node()]

    def recursive(n):
        return recursive(n - 1) if n else data

    recursive.default = recursive


def classes():
    class Base:
        @property
        def value(self):
            return super().__repr__()

        @classmethod
        def make(cls):
            return __class__()

        @staticmethod
        def nothing():
            pass

    class Derived(Base):
        __slots__ = ("own",)

    instance = Derived()
    instance.own = Base.make()


def cache_on_self():
    class Service:
        def __init__(self):
            self.compute = functools.lru_cache(maxsize=8)(self._compute)

        def _compute(self, n):
            return [self, n]

    service = Service()
    for n in range(12):
        service.compute(n)


def generator():
    def numbers(box):
        yield box

    box = [Node()]
    box.append(numbers(box))  # not started


def suspended_generator():
    def numbers(box):
        local = [Node(), box]
        yield local

    box = [Node()]
    box.append(numbers(box))
    next(box[1])


def coroutine():
    async def work(box):
        await asyncio.sleep(0, box)

    box = []
    box.append(work(box))
    try:
        box[0].send(None)
    except StopIteration:
        pass


def bound_method():
    node = Node()
    node.callback = node.__init__
    node.partial = functools.partial(print, node, key=node)


def collections_cycles():
    queue = collections.deque(["x"])
    queue.append(queue)
    ordered = collections.OrderedDict(a=1)
    ordered["me"] = ordered
    default = collections.defaultdict(list)
    default["me"].append(default)
    node = Node()
    node.group = {node, 1}
    node.frozen = frozenset([node])
    spaces = types.SimpleNamespace(text="t")
    spaces.me = spaces


def iterators():
    items = [1, 2, 3]
    items.append(iter(items))
    items.append(itertools.chain(items, [Node()]))
    items.append(map(len, items))
    items.append(enumerate(items))


def weak_references():
    node = Node()
    node.me = node
    node.weak = weakref.ref(node)
    node.called = weakref.ref(Slotted, print)
    node.children = weakref.WeakSet([node])
    node.values = weakref.WeakValueDictionary(me=node)


def context():
    inner = contextvars.copy_context()
    inner.run(VARIABLE.set, [inner])


def local_storage():
    local = threading.local()
    local.me = local


def element():
    parent = xml.etree.ElementTree.Element("parent")
    child = xml.etree.ElementTree.SubElement(parent, "child")
    child.set("up", parent)


def module():
    made = types.ModuleType("made")
    exec("import sys\ndef function(): return function", made.__dict__)
    made.me = made


KINDS = [
    self_list,
    pair,
    ring_with_tail,
    slots,
    self_dict,
    tuple_cycle,
    exception,
    nested_exceptions,
    closure,
    classes,
    cache_on_self,
    bound_method,
    collections_cycles,
    iterators,
    weak_references,
    context,
    local_storage,
    element,
    module,
]
FINALIZERS = [generator, suspended_generator, coroutine]


def ids_now():
    objects = gc.get_objects()
    return set(map(id, objects))


def main():
    gc.collect()
    gc.disable()
    pair()
    gc.freeze()  # this one is never freed
    for kind in KINDS + (FINALIZERS if sys.argv[1] == "finalizers" else []):
        for _ in range(COPIES):
            kind()
    del kind
    print("READY", flush=True)
    sys.stdin.readline()
    before = ids_now()
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    after = ids_now()
    gc.set_debug(0)
    saved = set(map(id, gc.garbage))
    gc.garbage.clear()
    gc.collect()
    left = ids_now()
    print(json.dumps({"saved": sorted(saved), "died": sorted(before - after), "left": sorted(left)}), flush=True)
    sys.stdin.read()
    os._exit(0)


main()
