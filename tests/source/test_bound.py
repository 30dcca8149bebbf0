"""Is the length compared with something? Where are entries removed?"""

import pytest

HOLDER = {
    "kind": "instance-attribute",
    "module": "app",
    "class": "Cache",
    "function": "",
    "name": "data",
    "inner": [],
    "container": "dict",
}

BOUNDS = {
    "evicts by a literal": (
        1000,
        None,
        "evicts",
        """
        class Cache:
            def __init__(self):
                self.data = {}
            def put(self, k, v):
                if len(self.data) >= 1000:  # HERE
                    self.data.popitem()
                self.data[k] = v
    """,
    ),
    "evicts by an attribute": (
        None,
        "self.maxsize",
        "evicts",
        """
        class Cache:
            def __init__(self, maxsize):
                self.data = {}
                self.maxsize = maxsize
            def put(self, k, v):
                self.data[k] = v
                while len(self.data) > self.maxsize:  # HERE
                    self.data.pop(next(iter(self.data)))
    """,
    ),
    "a limit that is called size": (
        None,
        "self.size",
        "evicts",
        """
        class Cache:
            def __init__(self, size):
                self.data = {}
                self.size = size
            def put(self, k, v):
                while len(self.data) >= self.size:  # HERE
                    self.data.pop(next(iter(self.data)))
                self.data[k] = v
    """,
    ),
    "a base class that counts and evicts": (
        None,
        "self._Sized__limit",
        "evicts",
        """
        class Sized:
            def __init__(self, limit):
                self.__limit = limit
                self.__used = 0
            def __setitem__(self, k, v):
                limit = self.__limit
                while self.__used + 1 > limit:  # HERE
                    self.popitem()
                self.__used += 1
        class Cache(Sized):
            def __init__(self, limit):
                Sized.__init__(self, limit)
                self.data = {}
            def __setitem__(self, k, v, store=Sized.__setitem__):
                store(self, k, v)
                self.data[k] = None
            def __delitem__(self, k):
                del self.data[k]
    """,
    ),
    "a base class that stores, counts and evicts": (
        None,
        "self._Sized__limit",
        "evicts",
        """
        class Sized:
            def __init__(self, limit):
                self.__limit = limit
                self.__used = 0
                self.data = {}
            def __setitem__(self, k, v):
                limit = self.__limit
                while self.__used + 1 > limit:  # HERE
                    self.popitem()
                self.data[k] = v
                self.__used += 1
            def __delitem__(self, k):
                del self.data[k]
        class Cache(Sized):
            def popitem(self):
                del self[next(iter(self.data))]
    """,
    ),
    "a module's constant": (
        500,
        "LIMIT",
        "evicts",
        """
        LIMIT = 500
        class Cache:
            def __init__(self):
                self.data = {}
            def put(self, k, v):
                if LIMIT < len(self.data):  # HERE
                    self.data.clear()
                self.data[k] = v
    """,
    ),
    "refuses when full": (
        64,
        None,
        "refuses",
        """
        class Cache:
            def __init__(self):
                self.data = {}
            def put(self, k, v):
                if len(self.data) >= 64:  # HERE
                    return
                self.data[k] = v
    """,
    ),
    "adds only while there is room": (
        64,
        None,
        "refuses",
        """
        class Cache:
            def __init__(self):
                self.data = {}
            def put(self, k, v):
                if len(self.data) < 64:  # HERE
                    self.data[k] = v
    """,
    ),
    "evicts in a method": (
        10,
        None,
        "evicts",
        """
        class Cache:
            def __init__(self):
                self.data = {}
            def put(self, k, v):
                if len(self.data) > 10:  # HERE
                    self.shrink()
                self.data[k] = v
            def shrink(self):
                self.data.popitem()
    """,
    ),
    "the length in a variable": (
        10,
        None,
        "evicts",
        """
        class Cache:
            def __init__(self):
                self.data = {}
            def put(self, k, v):
                count = len(self.data)
                if count > 10:  # HERE
                    self.data.clear()
                self.data[k] = v
    """,
    ),
    "a counter and a base that is not known": (
        None,
        "self._Cache__maxsize",
        "evicts",
        """
        from elsewhere import Mapping
        class Cache(Mapping):
            def __init__(self, maxsize):
                self.data = {}
                self.__currsize = 0
                self.__maxsize = maxsize
            def __setitem__(self, k, v):
                while self.__currsize + 1 > self.__maxsize:  # HERE
                    self.popitem()
                self.data[k] = v
                self.__currsize += 1
    """,
    ),
    "deque with maxlen": (
        100,
        None,
        "constructor",
        """
        from collections import deque
        class Cache:
            def __init__(self):
                self.data = deque(maxlen=100)  # HERE
            def put(self, v):
                self.data.append(v)
    """,
    ),
    "deque with a name": (
        None,
        "size",
        "constructor",
        """
        from collections import deque
        class Cache:
            def __init__(self, size):
                self.data = deque((), size)  # HERE
            def put(self, v):
                self.data.append(v)
    """,
    ),
    "trims to the last ones": (
        50,
        None,
        "trims",
        """
        class Cache:
            def __init__(self):
                self.data = []
            def put(self, v):
                self.data.append(v)
                del self.data[:-50]  # HERE
    """,
    ),
    "keeps a slice": (
        50,
        None,
        "trims",
        """
        class Cache:
            def __init__(self):
                self.data = []
            def put(self, v):
                self.data.append(v)
                self.data = self.data[-50:]  # HERE
    """,
    ),
    "lru_cache on a method": (
        32,
        None,
        "constructor",
        """
        import functools
        class Cache:
            @functools.lru_cache(maxsize=32)  # HERE
            def data(self, n):
                return n
    """,
    ),
    "lru_cache without arguments": (
        128,
        None,
        "constructor",
        """
        import functools
        class Cache:
            @functools.lru_cache  # HERE
            def data(self, n):
                return n
    """,
    ),
}

UNBOUNDED = {
    "no comparison": """
        class Cache:
            def __init__(self):
                self.data = {}
            def put(self, k, v):
                self.data[k] = v
    """,
    "only reported": """
        class Cache:
            def __init__(self):
                self.data = {}
            def put(self, k, v):
                if len(self.data) > 1000:
                    print("large")
                self.data[k] = v
    """,
    "a base class bounds what the class never gives back": """
        class Sized:
            def __setitem__(self, k, v):
                while self.used + 1 > self.limit:
                    self.popitem()
        class Cache(Sized):
            def __init__(self):
                self.data = {}
            def __setitem__(self, k, v):
                super().__setitem__(k, v)
                self.data[k] = None
    """,
    "emptiness is no bound": """
        class Cache:
            def __init__(self):
                self.data = {}
            def put(self, k, v):
                if len(self.data) > 0:
                    self.data.pop(k, None)
                self.data[k] = v
    """,
    "another container's length": """
        class Cache:
            def __init__(self):
                self.data = {}
                self.other = {}
            def put(self, k, v):
                if len(self.other) > 1000:
                    self.data.clear()
                self.data[k] = v
    """,
    "asked where nothing is added": """
        class Cache:
            def __init__(self):
                self.data = {}
            def busy(self):
                if len(self.data) >= 1000:
                    return True
                return False
            def put(self, k, v):
                self.data[k] = v
    """,
    "another class's container of the same name": """
        class Small:
            def __init__(self):
                self.data = {}
            def put(self, k, v):
                if len(self.data) < 100:
                    self.data[k] = v
        class Cache:
            def __init__(self):
                self.data = {}
            def put(self, k, v):
                self.data[k] = v
    """,
    "a reader's position": """
        class Cache:
            def __init__(self):
                self.data = []
            def put(self, v):
                self.data.append(v)
            def items(self):
                at = 0
                while True:
                    if at < len(self.data):
                        yield self.data[at]
                    elif not self.fill():
                        return
                    at += 1
            def fill(self):
                self.put(1)
                return True
    """,
    "deque without maxlen": """
        from collections import deque
        class Cache:
            def __init__(self):
                self.data = deque(maxlen=None)
            def put(self, v):
                self.data.append(v)
    """,
    "lru_cache(None)": """
        import functools
        class Cache:
            @functools.lru_cache(None)
            def data(self, n):
                return n
    """,
    "functools.cache": """
        import functools
        class Cache:
            @functools.cache
            def data(self, n):
                return n
    """,
}


def _holder(text):
    cached = "functools.lru_cache" in text or "functools.cache" in text
    return {**HOLDER, "container": "functools._lru_cache_wrapper" if cached else "deque" if "deque" in text else "dict"}


@pytest.mark.parametrize("name", BOUNDS)
def test_bound(project, name):
    literal, attribute, how, text = BOUNDS[name]
    project.write("app.py", text)
    found = project.ask("bound", holder=_holder(text))
    assert found is not None
    assert (found["literal"], found["attribute"], found["how"]) == (literal, attribute, how)
    assert (found["place"]["file"], found["place"]["line"]) in project.marks["HERE"]


@pytest.mark.parametrize("name", UNBOUNDED)
def test_no_bound(project, name):
    project.write("app.py", UNBOUNDED[name])
    assert project.ask("bound", holder=_holder(UNBOUNDED[name])) is None


REMOVALS = {
    "del": ("del", "del self.data[k]"),
    "pop": ("pop", "self.data.pop(k)"),
    "popitem": ("popitem", "self.data.popitem()"),
    "clear": ("clear", "self.data.clear()"),
    "new and empty": ("assign", "self.data = {}"),
    "filtered": ("assign", "self.data = {a: b for a, b in self.data.items() if b}"),
    "remove": ("remove", "self.data.remove(k)"),
    "discard": ("discard", "self.data.discard(k)"),
    "popleft": ("popleft", "self.data.popleft()"),
    "slice": ("slice", "del self.data[:10]"),
    "empty slice": ("slice", "self.data[:] = []"),
    "-=": ("discard", "self.data -= {k}"),
}


@pytest.mark.parametrize("name", REMOVALS)
def test_removed(project, name):
    operation, line = REMOVALS[name]
    project.write(
        "app.py",
        "class Cache:\n    def __init__(self):\n        self.data = {}\n    def drop(self, k):\n        %s  # HERE\n"
        % line,
    )
    found = project.ask("removed", holder=HOLDER)
    assert [(p["line"], p["operation"]) for p in found["places"]] == [(5, operation)]
    assert found["places"][0]["reads_clock"] is False


def test_creation_is_no_removal(project):
    project.write(
        "app.py",
        "class Cache:\n    def __init__(self):\n        self.data = {}\n    def put(self, k, v):\n        self.data[k] = v\n",
    )
    assert project.ask("removed", holder=HOLDER) is None


@pytest.mark.parametrize("clock", ["time.monotonic()", "self.now()", "monotonic()"])
def test_removal_that_reads_a_clock(project, clock):
    project.write(
        "app.py",
        """
        import time
        from time import monotonic
        class Cache:
            def __init__(self):
                self.data = {}
            def now(self):
                return time.time()
            def expire(self):
                limit = %s - 60
                for k in [k for k, v in self.data.items() if v < limit]:
                    del self.data[k]
            def drop(self, k):
                del self.data[k]
        """
        % clock,
    )
    found = project.ask("removed", holder=HOLDER)
    assert {p["function"]: p["reads_clock"] for p in found["places"]} == {"expire": True, "drop": False}


def test_removal_under_a_bound(project):
    project.write("app.py", BOUNDS["evicts by a literal"][3])
    assert [p["bounded"] for p in project.ask("removed", holder=HOLDER)["places"]] == [True]


def test_an_attribute_of_the_same_name_elsewhere_says_nothing_beside_a_sure_line(project):
    cache = """
        class Cache:
            def __init__(self):
                self.data = {}
            def drop(self, k):
                %s
        """
    other = """
        import time
        def expire(things, limit):
            while time.monotonic() < limit:
                for thing in things:
                    thing.data.pop(0)
        """
    project.write("other.py", other)
    project.write("app.py", cache % "pass")
    assert [p["function"] for p in project.ask("removed", holder=HOLDER)["places"]] == ["expire"]
    project.write("app.py", cache % "del self.data[k]")
    assert [p["function"] for p in project.ask("removed", holder=HOLDER)["places"]] == ["drop"]
