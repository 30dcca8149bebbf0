"""Which line stores into a holder: the right line comes first."""

import pytest

GLOBAL = {"kind": "module-global", "name": "ITEMS", "container": "list"}
GLOBAL_DICT = {"kind": "module-global", "name": "ITEMS", "container": "dict"}
ATTRIBUTE = {"kind": "instance-attribute", "class": "Store", "name": "items", "container": "list"}
ATTRIBUTE_DICT = {"kind": "instance-attribute", "class": "Store", "name": "items", "container": "dict"}

ONE_FILE = {
    "setitem": (
        GLOBAL_DICT,
        "setitem",
        """
        ITEMS = {}
        def keep(k, v):
            ITEMS[k] = v  # HERE
    """,
    ),
    "setitem in a chained assignment": (
        GLOBAL_DICT,
        "setitem",
        """
        ITEMS = {}
        def keep(k, v):
            last = ITEMS[k] = v  # HERE
    """,
    ),
    "setitem in an unpacking": (
        GLOBAL_DICT,
        "setitem",
        """
        ITEMS = {}
        def keep(k, v):
            ITEMS[k], other = v  # HERE
    """,
    ),
    "append": (
        GLOBAL,
        "append",
        """
        ITEMS = []
        def keep(v):
            ITEMS.append(v)  # HERE
    """,
    ),
    "global statement and += ": (
        GLOBAL,
        "extend",
        """
        ITEMS = []
        def keep(v):
            global ITEMS
            ITEMS += [v]  # HERE
    """,
    ),
    "rebuilt with +": (
        GLOBAL,
        "extend",
        """
        ITEMS = []
        def keep(v):
            global ITEMS
            ITEMS = ITEMS + [v]  # HERE
    """,
    ),
    "rebuilt with unpacking": (
        {**GLOBAL, "container": "dict"},
        "extend",
        """
        ITEMS = {}
        def keep(k, v):
            global ITEMS
            ITEMS = {**ITEMS, k: v}  # HERE
    """,
    ),
    "|= of a set": (
        {**GLOBAL, "container": "set"},
        "update",
        """
        ITEMS = set()
        def keep(v):
            global ITEMS
            ITEMS |= {v}  # HERE
    """,
    ),
    "comprehension assigned whole": (
        GLOBAL,
        "assign",
        """
        ITEMS = []
        def reload(rows):
            global ITEMS
            ITEMS = [row.value for row in rows]  # HERE
    """,
    ),
    "a local of the same name is another": (
        GLOBAL,
        "append",
        """
        ITEMS = []
        def other(v):
            ITEMS = []
            ITEMS.append(v)
            return ITEMS
        def keep(v):
            ITEMS.append(v)  # HERE
    """,
    ),
    "alias of a global": (
        GLOBAL,
        "append",
        """
        ITEMS = []
        def keep(values):
            target = ITEMS
            for v in values:
                target.append(v)  # HERE
    """,
    ),
    "alias of the method": (
        GLOBAL,
        "append",
        """
        ITEMS = []
        def keep(values):
            push = ITEMS.append
            for v in values:
                push(v)  # HERE
    """,
    ),
    "method handed to somebody": (
        GLOBAL,
        "append",
        """
        ITEMS = []
        def start(bus):
            bus.subscribe(ITEMS.append)  # HERE
    """,
    ),
    "globals()": (
        GLOBAL,
        "append",
        """
        ITEMS = []
        def keep(v):
            globals()["ITEMS"].append(v)  # HERE
    """,
    ),
    "heappush": (
        GLOBAL,
        "append",
        """
        import heapq
        ITEMS = []
        def keep(v):
            heapq.heappush(ITEMS, v)  # HERE
    """,
    ),
    "unbound method": (
        GLOBAL,
        "append",
        """
        ITEMS = []
        def keep(v):
            list.append(ITEMS, v)  # HERE
    """,
    ),
    "setdefault": (
        GLOBAL_DICT,
        "setdefault",
        """
        ITEMS = {}
        def keep(k):
            return ITEMS.setdefault(k, object())  # HERE
    """,
    ),
    "list in a dict by setdefault": (
        {**GLOBAL_DICT, "inner": ["[*]"], "container": "list"},
        "append",
        """
        ITEMS = {}
        def keep(k, v):
            ITEMS.setdefault(k, []).append(v)  # HERE
    """,
    ),
    "list in a dict by alias": (
        {**GLOBAL_DICT, "inner": ["[*]"], "container": "list"},
        "append",
        """
        ITEMS = {}
        def keep(k, v):
            bucket = ITEMS.get(k)
            if bucket is None:
                bucket = ITEMS[k] = []
            bucket.append(v)  # HERE
    """,
    ),
    "list in a dict in a loop": (
        {**GLOBAL_DICT, "inner": ["[*]"], "container": "list"},
        "append",
        """
        ITEMS = {"a": []}
        def keep(v):
            for name, bucket in ITEMS.items():
                bucket.append(v)  # HERE
    """,
    ),
    "one key of a dict": (
        {**GLOBAL_DICT, "inner": ["['log']"], "container": "list"},
        "append",
        """
        ITEMS = {"log": [], "other": []}
        def skip(v):
            ITEMS["other"].append(v)
        def keep(v):
            ITEMS["log"].append(v)  # HERE
    """,
    ),
    "attribute of an object in a global": (
        {**GLOBAL, "name": "BUS", "inner": [".handlers"]},
        "append",
        """
        class Bus:
            def __init__(self):
                self.handlers = []
            def on(self, handler):
                self.handlers.append(handler)  # HERE
        BUS = Bus()
    """,
    ),
    "passed to a function": (
        GLOBAL,
        "append",
        """
        ITEMS = []
        def keep(store, v):
            store.append(v)  # HERE
        def work(v):
            keep(ITEMS, v)
    """,
    ),
    "returned by a function": (
        GLOBAL_DICT,
        "setitem",
        """
        ITEMS = {}
        def registry():
            return ITEMS
        def keep(k, v):
            registry()[k] = v  # HERE
    """,
    ),
    "given to a constructor": (
        GLOBAL_DICT,
        "setitem",
        """
        ITEMS = {}
        class Cache:
            def __init__(self, store):
                self.store = store
            def keep(self, k, v):
                self.store[k] = v  # HERE
        CACHE = Cache(ITEMS)
    """,
    ),
    "defaultdict that is read": (
        {**GLOBAL_DICT, "container": "collections.defaultdict"},
        "setitem",
        """
        from collections import defaultdict
        ITEMS = defaultdict(int)
        def seen(k):
            return ITEMS[k] > 3  # HERE
    """,
    ),
    "decorator that registers": (
        GLOBAL_DICT,
        "setitem",
        """
        ITEMS = {}
        def register(f):
            ITEMS[f.__name__] = f  # HERE
            return f
        def make(n):
            @register
            def inner():
                return n
            return inner
    """,
    ),
    "loop of the main module": (
        GLOBAL,
        "append",
        """
        ITEMS = []
        for v in iter(input, ""):
            ITEMS.append(v)  # HERE
    """,
    ),
    "self": (
        ATTRIBUTE,
        "append",
        """
        class Store:
            def __init__(self):
                self.items = []
            def keep(self, v):
                self.items.append(v)  # HERE
    """,
    ),
    "another class's attribute of the same name is not meant": (
        ATTRIBUTE,
        "append",
        """
        class Basket:
            def __init__(self):
                self.items = []
            def keep(self, v):
                self.items.append(v)
        class Store:
            def __init__(self):
                self.items = []
            def keep(self, v):
                self.items.append(v)  # HERE
    """,
    ),
    "local alias of an attribute": (
        ATTRIBUTE,
        "append",
        """
        class Store:
            def __init__(self):
                self.items = []
            def keep(self, values):
                items = self.items
                for v in values:
                    items.append(v)  # HERE
    """,
    ),
    "property": (
        ATTRIBUTE,
        "append",
        """
        class Store:
            def __init__(self):
                self.items = []
            @property
            def all(self):
                return self.items
            def keep(self, v):
                self.all.append(v)  # HERE
    """,
    ),
    "from outside, by the constructor": (
        ATTRIBUTE,
        "append",
        """
        class Store:
            def __init__(self):
                self.items = []
        def work():
            store = Store()
            store.items.append(1)  # HERE
    """,
    ),
    "inherited": (
        ATTRIBUTE,
        "append",
        """
        class Base:
            def __init__(self):
                self.items = []
            def keep(self, v):
                self.items.append(v)  # HERE
        class Store(Base):
            pass
    """,
    ),
    "mangled": (
        {**ATTRIBUTE, "name": "_Store__items"},
        "append",
        """
        class Store:
            def __init__(self):
                self.__items = []
            def keep(self, v):
                self.__items.append(v)  # HERE
    """,
    ),
    "vars": (
        ATTRIBUTE_DICT,
        "setitem",
        """
        class Store:
            def __init__(self):
                self.items = {}
            def keep(self, k, v):
                vars(self)["items"][k] = v  # HERE
    """,
    ),
    "__dict__ of an instance": (
        {**ATTRIBUTE_DICT, "name": "__dict__"},
        "setattr",
        """
        class Store:
            def keep(self, k, v):
                setattr(self, k, v)  # HERE
    """,
    ),
    "cls": (
        {**ATTRIBUTE, "kind": "class-attribute"},
        "append",
        """
        class Store:
            items = []
            @classmethod
            def keep(cls, v):
                cls.items.append(v)  # HERE
    """,
    ),
    "type(self)": (
        {**ATTRIBUTE, "kind": "class-attribute"},
        "append",
        """
        class Store:
            items = []
            def keep(self, v):
                type(self).items.append(v)  # HERE
    """,
    ),
    "self.__class__": (
        {**ATTRIBUTE, "kind": "class-attribute"},
        "append",
        """
        class Store:
            items = []
            def __init__(self):
                self.__class__.items.append(self)  # HERE
    """,
    ),
    "class by name": (
        {**ATTRIBUTE, "kind": "class-attribute"},
        "append",
        """
        class Store:
            items = []
        def keep(v):
            Store.items.append(v)  # HERE
    """,
    ),
    "closure": (
        {"kind": "closure-variable", "function": "make.<locals>.keep", "name": "seen", "container": "list"},
        "append",
        """
        def make():
            seen = []
            def keep(v):
                seen.append(v)  # HERE
            return keep
    """,
    ),
    "memo in a decorator": (
        {"kind": "closure-variable", "function": "memo.<locals>.inner", "name": "seen", "container": "dict"},
        "setitem",
        """
        def memo(f):
            seen = {}
            def inner(n):
                if n not in seen:
                    seen[n] = f(n)  # HERE
                return seen[n]
            return inner
        @memo
        def price(n):
            return n
    """,
    ),
    "local of a running function": (
        {"kind": "local-variable", "function": "serve", "name": "seen", "container": "list"},
        "append",
        """
        def serve(source):
            seen = []
            for v in source:
                seen.append(v)  # HERE
    """,
    ),
    "default argument": (
        {"kind": "default-argument", "function": "keep", "name": "seen", "container": "list"},
        "append",
        """
        def keep(v, seen=[]):
            seen.append(v)  # HERE
            return seen
    """,
    ),
    "lru_cache": (
        {"kind": "module-global", "name": "price", "container": "functools._lru_cache_wrapper"},
        "decorate",
        """
        import functools
        @functools.lru_cache(maxsize=None)  # HERE
        def price(n):
            return n
    """,
    ),
    "lru_cache of a bound method": (
        {**ATTRIBUTE, "container": "functools._lru_cache_wrapper"},
        "decorate",
        """
        import functools
        class Store:
            def __init__(self):
                self.items = functools.lru_cache(None)(self.load)  # HERE
            def load(self, k):
                return k
    """,
    ),
    "function attribute": (
        {"kind": "instance-attribute", "name": "calls", "container": "list"},
        "append",
        """
        def work(v):
            work.calls.append(v)  # HERE
        work.calls = []
    """,
    ),
    "a dict of its own class": (
        {**GLOBAL_DICT, "container": "app.Table"},
        "setitem",
        """
        class Table(dict):
            def keep(self, k, v):
                self[k] = v  # HERE
        ITEMS = Table()
    """,
    ),
    "a queue": (
        {**GLOBAL, "container": "queue.Queue"},
        "put",
        """
        import queue
        ITEMS = queue.Queue()
        def keep(v):
            ITEMS.put(v)  # HERE
        def stop():
            ITEMS.put(None)
    """,
    ),
}


@pytest.mark.parametrize("name", ONE_FILE)
def test_first_place(project, name):
    wanted, operation, text = ONE_FILE[name]
    project.write("app.py", text)
    found = project.ask("stored", holder={"module": "app", "class": "", "function": "", "inner": [], **wanted})
    assert found is not None, project.notes
    best = found["places"][0]
    assert (best["file"], best["line"]) in project.marks["HERE"]
    assert best["operation"] == operation
    assert best["from"] == "source"
    assert "# HERE" in best["text"]
    assert 0 < best["score"] <= 1


@pytest.mark.parametrize(
    "text",
    [
        "from shop.state import ITEMS\ndef keep(v):\n    ITEMS.append(v)  # HERE\n",
        "from shop.state import ITEMS as kept\ndef keep(v):\n    kept.append(v)  # HERE\n",
        "from shop import state\ndef keep(v):\n    state.ITEMS.append(v)  # HERE\n",
        "import shop.state\ndef keep(v):\n    shop.state.ITEMS.append(v)  # HERE\n",
        "import shop.state as s\ndef keep(v):\n    s.ITEMS.append(v)  # HERE\n",
        "from .state import ITEMS\ndef keep(v):\n    ITEMS.append(v)  # HERE\n",
        "from . import state\ndef keep(v):\n    state.ITEMS.append(v)  # HERE\n",
        "from shop import ITEMS\ndef keep(v):\n    ITEMS.append(v)  # HERE\n",
    ],
)
def test_global_of_another_module(project, holder, text):
    project.write("shop/__init__.py", "from .state import ITEMS\n")
    project.write("shop/state.py", "ITEMS = []\n")
    project.write("shop/use.py", text)
    project.write("shop/decoy.py", "ITEMS = []\ndef keep(v):\n    ITEMS.append(v)\n")
    places = project.places("stored", holder=holder("module-global", "ITEMS", "list", module="shop.state"))
    assert places[0] in project.marks["HERE"]


def test_main_module_is_the_main_file(project, holder):
    project.write("app.py", "ITEMS = []\ndef keep(v):\n    ITEMS.append(v)  # HERE\n")
    assert (
        project.places("stored", holder=holder("module-global", "ITEMS", "list", module="__main__"))[0]
        in project.marks["HERE"]
    )


def test_element_type_decides(project, holder):
    project.write(
        "app.py",
        """
        ITEMS = []
        class Session: pass
        class Order: pass
        def order():
            ITEMS.append(Order())
        def login():
            session = Session()
            ITEMS.append(session)  # HERE
        """,
    )
    places = project.places("stored", holder=holder("module-global", "ITEMS", "list"), element_types=["app.Session"])
    assert places[0] in project.marks["HERE"]


def test_frames_decide(project, holder):
    path = project.write(
        "app.py",
        """
        ITEMS = []
        def first(v):
            ITEMS.append(v)
        def second(v):
            ITEMS.append(v)  # HERE
        """,
    )
    frames = [{"file": path, "line": 6, "function": "second"}]
    assert (
        project.places("stored", holder=holder("module-global", "ITEMS", "list"), frames=frames)[0]
        in project.marks["HERE"]
    )


def test_add_comes_before_replace_and_creation(project, holder):
    project.write(
        "app.py",
        """
        class Store:
            def __init__(self):
                self.items = {}
            def load(self, rows):
                self.items = make(rows)
            def keep(self, k, v):
                self.items[k] = v  # HERE
        """,
    )
    found = project.ask("stored", holder=holder("instance-attribute", "items", "dict", cls="Store"))
    assert (found["places"][0]["file"], found["places"][0]["line"]) in project.marks["HERE"]
    assert [p["operation"] for p in found["places"]][:2] == ["setitem", "assign"]


LIBRARY = """
    REGISTRY = {}
    class Hub:
        def attach(self, name, handler):
            _remember(name, handler)
    def _remember(name, handler):
        REGISTRY[name] = handler  # HERE
    def other(name):
        REGISTRY[name] = None
"""


def test_library_line_then_the_programs_call(project, holder):
    project.write("lib/python3.12/site-packages/hub/__init__.py", LIBRARY)
    project.write(
        "app.py",
        """
        from hub import Hub
        HUB = Hub()
        def request(n):
            HUB.attach(n, print)  # THERE
        """,
    )
    places = project.places("stored", holder=holder("module-global", "REGISTRY", "dict", module="hub"))
    assert places[0] in project.marks["HERE"]
    assert places[1] in project.marks["THERE"]


def test_constructor_that_registers(project, holder):
    project.write(
        "lib/python3.12/site-packages/hub.py",
        """
        class Hub:
            everyone = set()
            def __init__(self):
                self.everyone.add(self)  # HERE
        """,
    )
    project.write("app.py", "import hub\ndef request():\n    hub.Hub()  # THERE\n")
    places = project.places("stored", holder=holder("class-attribute", "everyone", "set", module="hub", cls="Hub"))
    assert places[:2] == project.marks["HERE"] + project.marks["THERE"]


def test_cached_function_and_who_calls_it(project, holder):
    project.write(
        "lib/python3.12/site-packages/hub.py",
        "import functools\n@functools.cache  # HERE\ndef price(n):\n    return n\n",
    )
    project.write("app.py", "from hub import price\ndef request(n):\n    return price(n)  # THERE\n")
    places = project.places(
        "stored", holder=holder("module-global", "price", "functools._lru_cache_wrapper", module="hub")
    )
    assert places[:2] == project.marks["HERE"] + project.marks["THERE"]


def test_store_in_native_code_names_the_call(project, holder):
    project.write(
        "lib/python3.12/table.py", "from _table import TABLE, intern_type\ndef helper(k):\n    TABLE[k] = 1\n"
    )
    project.write(
        "app.py", "import table\ndef request():\n    class Row:\n        pass\n    table.intern_type(Row)  # HERE\n"
    )
    places = project.places(
        "stored", holder=holder("module-global", "TABLE", "dict", module="table"), key_types=["type"]
    )
    assert places[0] in project.marks["HERE"]


def test_interpreter_hooks(project, holder):
    project.write(
        "app.py",
        """
        import atexit, os
        class Exporter:
            def __init__(self):
                atexit.register(self.close)  # HERE
                os.register_at_fork(after_in_child=self.close)  # THERE
            def close(self):
                pass
        def request():
            Exporter()
        """,
    )
    at_exit = project.places(
        "stored", holder=holder("interpreter", "atexit", "list", module=""), element_types=["app.Exporter"]
    )
    at_fork = project.places(
        "stored", holder=holder("interpreter", "fork hooks", "list", module=""), element_types=["app.Exporter"]
    )
    assert at_exit[0] in project.marks["HERE"]
    assert at_fork[0] in project.marks["THERE"]


def test_nothing_found_is_no_entry_and_a_note(project, holder):
    project.write("app.py", "OTHER = []\n")
    assert project.ask("stored", holder=holder("module-global", "ITEMS", "list")) is None
    assert any("app.ITEMS" in note for note in project.notes)


def test_missing_file_is_a_note(project, holder):
    project.files.append(project.path("gone.py"))
    project.write("app.py", "ITEMS = []\n")
    project.ask("stored", holder=holder("module-global", "ITEMS", "list", module="gone"))
    assert any("gone.py could not be read" in note for note in project.notes)


def test_unparsable_file_is_a_note(project, holder):
    project.write("app.py", "ITEMS = []\ndef keep(v:\n    ITEMS.append(v)\n")
    assert project.ask("stored", holder=holder("module-global", "ITEMS", "list")) is None
    assert any("app.py could not be parsed" in note for note in project.notes)


SNAPSHOT = {
    "cell without a name": (
        {"kind": "closure-variable", "function": "make.<locals>.keep", "name": "", "container": "list"},
        """
        def make(limit):
            seen, names = [], {}
            def keep(v):
                names[v] = limit
                seen.append(v)  # HERE
            return keep
        """,
    ),
    "global of a module that is not named": (
        {"kind": "module-global", "module": "", "name": "ITEMS", "container": "list"},
        """
        ITEMS = []
        def keep(v):
            ITEMS.append(v)  # HERE
        """,
    ),
    "a list of the interpreter that a module shows": (
        {"kind": "interpreter", "module": "", "name": "interpreter gc.callbacks", "container": "list"},
        """
        import gc
        def watch(f):
            gc.callbacks.append(f)  # HERE
        """,
    ),
    "sys.modules": (
        {"kind": "interpreter", "module": "", "name": "interpreter sys.modules", "container": "dict"},
        """
        import sys, types
        def load(name):
            sys.modules[name] = types.ModuleType(name)  # HERE
        """,
    ),
    "context of a thread": (
        {"kind": "interpreter", "module": "", "name": "main thread context", "container": "Context"},
        """
        import contextvars
        CURRENT = contextvars.ContextVar("current")
        class Request:
            pass
        def serve():
            CURRENT.set(Request())  # HERE
        """,
    ),
    "attribute that a descriptor keeps in a dict": (
        {
            "kind": "instance-attribute",
            "class": "Store",
            "name": "_values",
            "inner": ["['items']"],
            "container": "list",
        },
        """
        class Field:
            def __get__(self, obj, owner):
                return obj._values.setdefault("items", [])
        class Store:
            items = Field()
            def __init__(self):
                self._values = {}
            def keep(self, v):
                self.items.append(v)  # HERE
        """,
    ),
    "global that others put into the module": (
        {"kind": "module-global", "name": "history", "container": "dict"},
        """
        class Shell:
            def __init__(self, namespace):
                self.namespace = namespace
            def keep(self, n, v):
                self.namespace["history"][n] = v  # HERE
        """,
    ),
    "entries behind an attribute of a wrapper": (
        {"kind": "module-global", "name": "ITEMS", "inner": [".data"], "container": "dict"},
        """
        import weakref
        ITEMS = weakref.WeakKeyDictionary()
        def keep(k, v):
            ITEMS[k] = v  # HERE
        """,
    ),
}


@pytest.mark.parametrize("name", SNAPSHOT)
def test_what_a_snapshot_can_say(project, name):
    wanted, text = SNAPSHOT[name]
    project.write("app.py", text)
    found = project.places("stored", holder={"module": "app", "class": "", "function": "", "inner": [], **wanted})
    assert found and found[0] in project.marks["HERE"], project.notes


def test_way_to_an_element(project, holder):
    project.write(
        "app.py",
        """
        class Session: pass
        ITEMS = []
        def login():
            ITEMS.append(Session())  # HERE
        """,
    )
    way = holder("module-global", "ITEMS", "app.Session", inner=["[*]"])
    assert project.places("stored", holder=way, element_types=["app.Session"], lone=True)[0] in project.marks["HERE"]


def test_library_that_the_program_imports_comes_first(project, holder):
    project.write("lib/python3.12/table.py", "ROWS = {}\n")
    project.write("lib/python3.12/aaa.py", "import table\ndef keep(k):\n    table.ROWS[k] = 1\n")
    project.write("lib/python3.12/zzz.py", "import table\ndef keep(k):\n    table.ROWS[k] = 1  # HERE\n")
    project.write("app.py", "import zzz\ndef request(k):\n    zzz.keep(k)  # THERE\n")
    places = project.places("stored", holder=holder("module-global", "ROWS", "dict", module="table"))
    assert places[:2] == project.marks["HERE"] + project.marks["THERE"]


def test_the_main_file_of_a_process_that_multiprocessing_started(project, holder):
    path = project.write("app.py", "SEEN = []\ndef work(n):\n    SEEN.append(n)  # HERE\n")
    asked = holder("module-global", "SEEN", "list", module="__mp_main__")
    assert project.places("stored", holder=asked)[:1] == [(path, 3)]
