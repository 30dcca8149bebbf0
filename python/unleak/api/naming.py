"""How an object, and the reference from a holder to an object, is called. Only identity is compared, and only what the
interpreter itself defines is read: no code of a user's class runs."""

from __future__ import annotations

import functools
import gc
import sys
import types
from collections import deque
from typing import Any, Dict, Iterator, List, Optional, Tuple

LONGEST = 40
_PLAIN = (str, int, float, bool, bytes, type(None))
_FIELDS = (  # types of the interpreter, and their fields that hold references
    (types.MethodType, ("__self__", "__func__")),
    (types.FunctionType, ("__closure__", "__defaults__", "__kwdefaults__", "__dict__", "__globals__", "__code__")),
    (types.TracebackType, ("tb_frame", "tb_next")),
    (BaseException, ("__traceback__", "__context__", "__cause__", "args")),
    (functools.partial, ("func", "args", "keywords")),
    (property, ("fget", "fset", "fdel")),
    (staticmethod, ("__func__",)),
    (classmethod, ("__func__",)),
    (types.CellType, ("cell_contents",)),
    (slice, ("start", "stop", "step")),
)


def type_name(kind: type) -> str:
    """module.Qualified.Name; of builtins the name alone."""
    name = type.__dict__["__qualname__"].__get__(kind)
    module = _dict_of(kind).get("__module__")
    return name if not isinstance(module, str) or module == "builtins" else "%s.%s" % (module, name)


def describe(thing: Any) -> str:
    """What an object is, for a person: its type, and what tells it from others of it."""
    kind = type(thing)
    if kind is types.ModuleType:
        return "module %s" % _text(thing.__dict__.get("__name__"))
    if issubclass(kind, type):
        return "class %s" % type_name(thing)
    if kind is types.FunctionType:
        return "function %s" % thing.__qualname__
    if kind in (list, dict, set, frozenset, tuple, deque):
        return "%s, %s" % (type_name(kind), plural(len(thing), "entry", "entries"))
    return type_name(kind)


def plural(number: int, one: str, many: str) -> str:
    return "%s %s" % (format(number, ","), one if number == 1 else many)


def _text(value: Any) -> str:
    return value if type(value) is str else "?"


def key_text(key: Any) -> str:
    """A key as it would be written, where that needs no code of its class; else its type."""
    if type(key) in _PLAIN:
        shown = repr(key)
        return shown if len(shown) <= LONGEST else shown[:LONGEST] + "..."
    return "<%s>" % type_name(type(key))


def occurrences(holder: Any, target: Any) -> int:
    """How many references a holder has to an object."""
    return sum(1 for part in gc.get_referents(holder) if part is target)


def edge(holder: Any, target: Any) -> str:
    """How a holder refers to an object: `.name`, `[key]`, `[3]`; "" where that cannot be told."""
    try:
        found = _container_edge(holder, target)
        return found if found is not None else _object_edge(holder, target)
    except RuntimeError:
        return ""  # another thread changed the container while it was read


def _container_edge(holder: Any, target: Any) -> Optional[str]:
    if isinstance(holder, dict):
        for key, value in dict.items(holder):
            if value is target:
                return "[%s]" % key_text(key)
            if key is target:
                return "{key}"
        return "" if type(holder) is dict else None
    for kind in (list, tuple, deque):
        if isinstance(holder, kind):
            for at, value in enumerate(kind.__iter__(holder)):
                if value is target:
                    return "[%d]" % at
            return "" if type(holder) is kind else None
    if isinstance(holder, (set, frozenset)):
        return "{*}"
    return None


def _object_edge(holder: Any, target: Any) -> str:
    for name, value in _named(holder):
        if value is target:
            return "." + name
    if _is_cached_function(holder):
        return ".cache"
    return ""


def _is_cached_function(holder: Any) -> bool:
    return type(holder) is type(functools.lru_cache(maxsize=1)(len))


def _named(holder: Any) -> Iterator[Tuple[str, Any]]:
    """Names and values of what an object refers to, as far as reading them runs no code of its class."""
    for kind, fields in _FIELDS:
        if isinstance(holder, kind):
            for name in fields:
                try:
                    yield name, kind.__dict__[name].__get__(holder)
                except (AttributeError, KeyError, ValueError):
                    continue  # an empty cell, or a field that this version does not have
    if isinstance(holder, type):
        yield from _dict_of(holder).items()
        for name in ("__bases__", "__mro__", "__base__"):
            yield name, type.__dict__[name].__get__(holder)
        return
    if isinstance(holder, types.ModuleType):
        yield from module_dict(holder).items()
        return
    yield from _instance_values(holder)
    yield "__class__", type(holder)


def module_dict(module: types.ModuleType) -> Dict[str, Any]:
    """A module's namespace, read without code of a module's own class."""
    return vars(types.ModuleType)["__dict__"].__get__(module)


def _instance_values(holder: Any) -> Iterator[Tuple[str, Any]]:
    """Slots, then attributes. From 3.11 on an instance has no dict until someone asks for it, and this does not: the
    names are those that the methods of its classes use."""
    mro = type.__dict__["__mro__"].__get__(type(holder))
    on_classes = set()
    for kind in mro:
        for name, value in list(_dict_of(kind).items()):
            on_classes.add(name)
            if type(value) is types.MemberDescriptorType:
                try:
                    yield name, value.__get__(holder, kind)
                except AttributeError:
                    continue  # not set
    if not any("__dict__" in _dict_of(kind) for kind in mro):
        return
    for name in _names_in_methods(mro):
        if name not in on_classes:
            try:
                yield name, object.__getattribute__(holder, name)
            except AttributeError:
                continue


def _names_in_methods(mro: Tuple[type, ...]) -> List[str]:
    names: dict = {}
    for kind in mro:
        for value in list(_dict_of(kind).values()):
            code = getattr(value, "__code__", None) if type(value) is types.FunctionType else None
            if code is not None:
                names.update(dict.fromkeys(code.co_names))
    return list(names)


def _dict_of(kind: type) -> Any:
    return type.__dict__["__dict__"].__get__(kind)


def may_be_attributes(holder: Any, owner: Any) -> bool:
    """Whether a dict to which `owner` refers without a name is the dict of its attributes. (Asking for `__dict__` would
    make one where there is none.)"""
    if type(holder) is not dict or isinstance(owner, (dict, list, tuple, set, frozenset, deque, types.FrameType)):
        return False
    return all(type(key) is str for key in list(holder)[:8])


def immortal(count: int) -> bool:
    """Whether a reference count is one that never changes (PEP 683)."""
    return count >= 1 << 28 or (sys.maxsize > 1 << 32 and count >= 0xC0000000)
