"""Stores that the holder's own name does not show: by Python itself, by another name, by a class derived from the one that stores."""

import pytest

GLOBAL = {"kind": "module-global", "name": "ITEMS", "container": "list"}
TABLE = {"kind": "module-global", "name": "ITEMS", "container": "dict"}
ATTRIBUTE = {"kind": "instance-attribute", "class": "Store", "name": "items", "container": "list"}
CHAINED = {"kind": "instance-attribute", "class": "Late", "container": "app.Late"}

CASES = {
    "the table of a call cache": (
        {"kind": "module-global", "name": "price", "inner": [".cache"], "container": "dict"},
        """
        import functools
        @functools.lru_cache(maxsize=None)  # HERE
        def price(n):
            return n
        """,
    ),
    "the table of a method's cache": (
        {"kind": "class-attribute", "class": "Store", "name": "price", "inner": [".cache"], "container": "dict"},
        """
        import functools
        class Store:
            @functools.cache  # HERE
            def price(self, n):
                return n
        """,
    ),
    "an instance's own cache": (
        {**ATTRIBUTE, "inner": [".cache"], "container": "dict"},
        """
        import functools
        class Store:
            def __init__(self):
                self.items = functools.lru_cache(None)(self.load)  # HERE
            def load(self, k):
                return k
        """,
    ),
    "a default argument, seen from the function": (
        {"kind": "module-global", "name": "keep", "inner": [".__defaults__", "[*]"], "container": "list"},
        """
        def keep(v, names={}, seen=[]):
            names["last"] = v
            seen.append(v)  # HERE
        """,
    ),
    "the default of a context variable": (
        {"kind": "module-global", "name": "seen", "inner": [".default"], "container": "list"},
        """
        import contextvars
        seen = contextvars.ContextVar("seen", default=[])
        def keep(v):
            names = seen.get()
            names.append(v)  # HERE
        """,
    ),
    "a keyword's default": (
        {"kind": "module-global", "name": "keep", "inner": [".__kwdefaults__", "['seen']"], "container": "list"},
        """
        def keep(v, *, other=[], seen=[]):
            other.append(1)
            seen.append(v)  # HERE
        """,
    ),
    "a method's default": (
        {
            "kind": "class-attribute",
            "class": "Store",
            "name": "keep",
            "inner": [".__defaults__", "[*]"],
            "container": "dict",
        },
        """
        class Store:
            def keep(self, v, seen={}):
                seen[v] = self  # HERE
        """,
    ),
    "a dict of dicts": (
        {**TABLE, "inner": ["{*}"], "element_types": ["dict"], "key_types": ["int"]},
        """
        ITEMS = {}
        def count(host, minute):
            minutes = ITEMS.setdefault(host, {})
            codes = minutes.setdefault(minute, {})  # HERE
            codes[1] = 2
        """,
    ),
    "raised from another": (
        {**CHAINED, "name": "__cause__", "element_types": ["app.Late"]},
        """
        class Late(Exception): pass
        class Other(Exception): pass
        def other(e):
            raise Other("x") from e
        def deliver(last):
            raise Late("y") from last  # HERE
        """,
    ),
    "raised while another is handled": (
        {**CHAINED, "name": "__context__", "element_types": ["builtins.KeyError"]},
        """
        class Late(Exception): pass
        def first():
            raise Late("nothing is handled here")
        def deliver(table):
            try:
                table["x"]
            except KeyError:
                raise Late("y")  # HERE
        """,
    ),
    "what an abstract class remembers of checks": (
        {**GLOBAL, "inner": ["[*]", "._abc_impl", ".negative cache"], "container": "set"},
        """
        import abc
        class Plugin(abc.ABC): pass
        class Other: pass
        ITEMS = [abc.ABCMeta("Some", (Plugin,), {})]
        def load(made):
            isinstance(made, Other)
            return issubclass(made, Plugin)  # HERE
        """,
    ),
    "what an abstract class remembers, seen from its own object": (
        {
            "kind": "instance-attribute",
            "module": "_abc",
            "class": "_abc_data",
            "name": "negative cache",
            "container": "set",
        },
        """
        import abc
        class Plugin(abc.ABC): pass
        def load(made):
            return issubclass(made, Plugin)  # HERE
        """,
    ),
    "a warning's text": (
        {"kind": "module-global", "name": "__warningregistry__", "container": "dict"},
        """
        import warnings
        def fixed():
            warnings.warn("always the same")
        def old(n):
            warnings.warn("item %d is old" % n)  # HERE
        """,
    ),
    "a view of it that somebody shows": (
        {"kind": "instance-attribute", "class": "Store", "name": "shown", "inner": [".mapping"], "container": "dict"},
        """
        import types
        class Store:
            def __init__(self):
                table = {}
                def register(k, v):
                    table[k] = v  # HERE
                self.register = register
                self.shown = types.MappingProxyType(table)
        """,
    ),
    "a name that is stored first and filled later": (
        ATTRIBUTE,
        """
        class Store: pass
        def main(source):
            found = []
            store = Store()
            store.items = found
            for v in source:
                found.append(v)  # HERE
        """,
    ),
    "a name that a constructor was given": (
        ATTRIBUTE,
        """
        class Store:
            def __init__(self, items):
                self.items = items
        def main(source):
            found = []
            store = Store(found)
            for v in source:
                found.append(v)  # HERE
        """,
    ),
    "a name that is an entry": (
        {**TABLE, "inner": ["['rows']"], "container": "list"},
        """
        rows = []
        ITEMS = {"rows": rows, "other": []}
        def keep(v):
            rows.append(v)  # HERE
        """,
    ),
    "an object of a derived class that stores itself": (
        {**TABLE, "element_types": ["app.Timer", "app.Main"]},
        """
        ITEMS = {}
        class Thread:
            def begin(self):
                ITEMS[id(self)] = self  # HERE
        class Timer(Thread): pass
        class Main(Thread):
            def __init__(self):
                ITEMS[id(self)] = self
        """,
    ),
    "a key that is always the same": (
        TABLE,
        """
        ITEMS = {}
        def keep(k, v):
            ITEMS[object] = v
            ITEMS[k] = v  # HERE
        """,
    ),
    "made where the key is missing": (
        {**TABLE, "inner": ["{*}"], "container": "list"},
        """
        ITEMS = {}
        def keep(k, v):
            try:
                bucket = ITEMS[k]
            except KeyError:
                bucket = ITEMS[k] = []
            bucket.append(v)  # HERE
        """,
    ),
    "part of an entry": (
        {**TABLE, "inner": ["{*}", "[*]"], "container": "deque"},
        """
        import collections, threading
        ITEMS = {}
        def keep(k, v):
            queue, lock = ITEMS[k]
            with lock:
                queue.append(v)  # HERE
        """,
    ),
    "a field of a dataclass, from outside": (
        ATTRIBUTE,
        """
        import dataclasses
        @dataclasses.dataclass
        class Store:
            items: list = dataclasses.field(default_factory=list)
        def keep(store: Store, v):
            store.items.append(v)  # HERE
        """,
    ),
    "a name given to a dataclass": (
        ATTRIBUTE,
        """
        import dataclasses
        @dataclasses.dataclass
        class Store:
            items: list
        def main(source):
            found = []
            store = Store(items=found)
            for v in source:
                found.append(v)  # HERE
        """,
    ),
    "a registry of subclasses": (
        {"kind": "class-attribute", "class": "Base", "name": "known", "container": "dict", "element_types": ["type"]},
        """
        class Base:
            known = {}
            def __init_subclass__(cls):
                cls.known[cls.__name__] = cls  # HERE
        """,
    ),
    "a registry of a metaclass": (
        {
            "kind": "class-attribute",
            "class": "Meta",
            "name": "known",
            "container": "list",
            "element_types": ["app.Meta"],
        },
        """
        class Meta(type):
            known = []
            def __new__(mcs, name, bases, body):
                made = super().__new__(mcs, name, bases, body)
                mcs.known.append(made)  # HERE
                return made
        """,
    ),
    "a list that a property makes once": (
        ATTRIBUTE,
        """
        import functools
        class Store:
            @functools.cached_property
            def items(self):
                return []
            def keep(self, v):
                self.items.append(v)  # HERE
        """,
    ),
    "a list far down an object": (
        {**ATTRIBUTE, "class": "User"},
        """
        class User:
            def __init__(self):
                self.items = []
        class Store:
            def __init__(self):
                self.users = {}
            def keep(self, uid, v):
                self.users[uid].items.append(v)  # HERE
        """,
    ),
    "a name of an outer function": (
        {"kind": "closure-variable", "function": "make.<locals>.keep", "name": "seen", "container": "tuple"},
        """
        def make():
            seen = ()
            def keep(v):
                nonlocal seen
                seen += (v,)  # HERE
            return keep
        """,
    ),
    "the end of a list as a slice": (
        GLOBAL,
        """
        ITEMS = []
        def keep(v):
            ITEMS[len(ITEMS):] = [v]  # HERE
        """,
    ),
    "the first that is not empty": (
        {**TABLE, "inner": ["{*}"], "container": "list"},
        """
        ITEMS = {}
        def keep(k, v):
            bucket = ITEMS.get(k) or ITEMS.setdefault(k, [])
            bucket.append(v)  # HERE
        """,
    ),
    "what a descriptor keeps under a name of its own": (
        {**ATTRIBUTE, "name": "_kept_items"},
        """
        def delegated(name):
            kept = "_kept_" + name
            return property(lambda self: getattr(self, kept), lambda self, value: setattr(self, kept, value))
        class Store:
            items = delegated("items")
            def keep(self, v):
                self.items.append(v)  # HERE
        """,
    ),
    "a walrus": (
        {**TABLE, "inner": ["{*}"], "container": "set"},
        """
        ITEMS = {}
        def keep(k, v):
            if (bucket := ITEMS.get(k)) is not None:
                bucket.add(v)  # HERE
        """,
    ),
    "a context manager that gives it": (
        GLOBAL,
        """
        import contextlib
        ITEMS = []
        @contextlib.contextmanager
        def opened():
            yield ITEMS
        def keep(v):
            with opened() as found:
                found.append(v)  # HERE
        """,
    ),
    "a generator that gives it": (
        {**TABLE, "inner": ["{*}"], "container": "list"},
        """
        ITEMS = {}
        def buckets():
            for name, bucket in ITEMS.items():
                yield bucket
        def keep(v):
            for bucket in buckets():
                bucket.append(v)  # HERE
        """,
    ),
    "a partial of the method": (
        GLOBAL,
        """
        import functools
        ITEMS = []
        def watch(bus):
            bus.on(functools.partial(ITEMS.append, 1))  # HERE
        """,
    ),
    "a lambda": (
        GLOBAL,
        """
        ITEMS = []
        def watch(bus):
            bus.on(lambda v: ITEMS.append(v))  # HERE
        """,
    ),
    "an entry of a list of lists by number": (
        {**GLOBAL, "inner": ["[*]"], "element_types": ["list"]},
        """
        ITEMS = [[] for _ in range(8)]
        def keep(v):
            ITEMS[v % 8].append([v])  # HERE
        """,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_first_place(project, name):
    wanted, text = CASES[name]
    project.write("app.py", text)
    holder = {"module": "app", "class": "", "function": "", "inner": [], **wanted}
    more = {key: holder.pop(key) for key in ("element_types", "key_types") if key in holder}
    found = project.places("stored", holder=holder, **more)
    assert found and found[0] in project.marks["HERE"], (found, project.notes)


def test_warning_that_is_told_of_the_caller(project, holder):
    project.write("lib/python3.12/old.py", "import warnings\ndef old(n):\n    warnings.warn('%d' % n, stacklevel=2)\n")
    project.write("app.py", "import old\ndef serve(n):\n    old.old(n)  # HERE\n")
    places = project.places("stored", holder=holder("module-global", "__warningregistry__", "dict"))
    assert project.marks["HERE"][0] in places[:2]


def test_function_hung_on_another_is_not_led_to_by_the_outer_ones_calls(project, holder):
    project.write(
        "lib/python3.12/dispatch.py",
        """
        def dispatcher(func):
            table = {}
            def register(k, v):
                table[k] = v
            def wrapper(k):
                return table[k]
            wrapper.register = register
            return wrapper
        """,
    )
    project.write(
        "app.py",
        """
        from dispatch import dispatcher
        @dispatcher
        def render(k):
            return k
        def serve(k, v):
            render.register(k, v)  # HERE
        """,
    )
    cell = holder("closure-variable", "", "dict", module="", function="dispatcher.<locals>.register")
    places = project.places("stored", holder=cell, element_types=["function"])
    assert places[1] in project.marks["HERE"] and places[0][0].endswith("dispatch.py")
