"""`unleak.watch` and `unleak.expect_freed`: an object that should be gone, is it, and if not, who holds it?"""

from __future__ import annotations

import gc
import weakref
from typing import Any, Dict, List, Optional, Tuple, Type

from unleak.api import naming
from unleak.api.explaining import Explanation, explain_box
from unleak.api.search import Bounds, references

MOST_TOLD = 5  # objects that one error explains


class StillAlive(AssertionError):
    """An object lives that should have been freed. The text says who holds it; `explanations` is the same as data.
    Holds no object."""

    def __init__(self, message: str, explanations: List[Explanation]):
        super().__init__(message)
        self.explanations = explanations


class Watch:
    """An eye on one object; made by `unleak.watch`."""

    def __init__(self, obj: Any, name: str = ""):
        self._what = naming.describe(obj)
        self._name = name
        self._box: List[Any] = []
        self._ref: Optional["weakref.ref[Any]"] = None
        try:
            self._ref = weakref.ref(obj)
        except TypeError:
            _refuse_what_lives_for_ever(obj)
            self._box.append(obj)

    @property
    def holds(self) -> bool:
        """Whether the watch itself keeps the object until it is checked: so for those without weak references, such
        as lists and dicts. What is asked then is whether anybody else does."""
        return bool(self._box)

    @property
    def alive(self) -> bool:
        """Whether the object lives; for one that the watch holds: whether anybody else refers to it."""
        return self._ref() is not None if self._ref is not None else bool(self._box) and references(self._box) > 0

    def explain(self, *, paths: int = 5, seconds: float = 5.0) -> Optional[Explanation]:
        """Who holds it; None when it is gone."""
        box = list(self._box) if self._ref is None else [self._ref()]
        if not box or box[0] is None:
            return None
        # Of an object that the watch holds, its own list is a reference too.
        ours, skip = (1, {id(self._box)}) if self._box else (0, set())
        found = explain_box(box, Bounds(paths=paths, seconds=seconds), ours, skip)
        return None if ours and found.references == 0 else found

    def check(self, *, collect: bool = True, paths: int = 5) -> None:
        """Raises StillAlive when the object is not gone. `collect`: the collector may free it first; without it the
        object must have gone by its reference count alone, that is, be in no cycle."""
        explanation = self._judged(collect, paths)
        if explanation is not None:
            raise StillAlive(self._text(explanation), [explanation])

    def _judged(self, collect: bool, paths: int) -> Optional[Explanation]:
        """Why it lives, or None. A held object is let go of after that, whatever the answer."""
        if not self.alive:
            self._box.clear()
            return None
        if collect:
            gc.collect()
        explanation = self.explain(paths=paths) if self.alive else None
        if explanation is not None and collect and self._box and explanation.cyclic:
            explanation = None  # without us the collector would have freed it
        self._box.clear()
        return explanation

    def _text(self, explanation: Explanation) -> str:
        text = str(explanation)
        return "%s: %s" % (self._name, text) if self._name else text

    def __repr__(self) -> str:
        state = "alive" if self.alive else "gone"
        return "<unleak.Watch %s%s, %s>" % (self._name and self._name + ": ", self._what, state)


def watch(obj: Any, name: str = "") -> Watch:
    """Watches `obj` without keeping it alive; `check()` later raises StillAlive, with the path to who holds it, unless it
    is gone. `name` is how the error calls it.

    An object without support for weak references (list, dict, str, most builtin types) is held by the watch until the
    check, which then asks whether that is the only reference left.
    """
    return Watch(obj, name)


class expect_freed:  # noqa: N801 - used like a function
    """`with unleak.expect_freed(obj): ...`: by the end of the block the object must be gone, else StillAlive.

    `of`: types of which no object made in the block may be left after it. `add(obj)` in the block adds an object.
    `collect=False`: gone by reference counts alone. An exception of the block goes first.
    """

    def __init__(self, *objects: Any, of: Tuple[Type[Any], ...] = (), collect: bool = True, paths: int = 5):
        self._watches = [Watch(obj) for obj in objects]
        self._types = of if isinstance(of, tuple) else (of,)
        self._collect, self._paths = collect, paths
        self._before: Dict[int, Any] = {}

    def add(self, obj: Any, name: str = "") -> Watch:
        """Another object that must be gone by the end of the block."""
        made = Watch(obj, name)
        self._watches.append(made)
        return made

    def __enter__(self) -> "expect_freed":
        if self._types:
            gc.collect()
            self._before = {id(obj): _weakly(obj) for obj in _instances(self._types)}
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], *_: object) -> None:
        if kind is not None:
            for made in self._watches:
                made._box.clear()
            return
        self._find_new()
        alive = [(made, why) for made in self._watches for why in [made._judged(self._collect, self._paths)] if why]
        if alive:
            raise StillAlive(_told(alive), [why for _, why in alive])

    def _find_new(self) -> None:
        """Watches the objects of the types that were not there before."""
        if not self._types:
            return
        if self._collect:
            gc.collect()
        for obj in _instances(self._types):
            known = self._before.get(id(obj), False)
            if known is False or (known is not None and known() is not obj):
                self._watches.append(Watch(obj))
        self._before.clear()


def _told(alive: List[Tuple[Watch, Explanation]]) -> str:
    texts = [made._text(why) for made, why in alive[:MOST_TOLD]]
    if len(alive) > MOST_TOLD:
        texts.append("and %d more" % (len(alive) - MOST_TOLD))
    return "\n".join(texts)


def _instances(types: Tuple[Type[Any], ...]) -> List[Any]:
    return [obj for obj in gc.get_objects() if issubclass(type(obj), types)]


def _weakly(obj: Any) -> Any:
    """A weak reference; None for an object that has none: its address is all that is known."""
    try:
        return weakref.ref(obj)
    except TypeError:
        return None


def _refuse_what_lives_for_ever(obj: Any) -> None:
    """Small ints, interned names, None: shared by the whole interpreter, so nothing can be expected of them."""
    if type(obj) in (int, str, bytes, bool, float, type(None), complex) or obj == () and type(obj) is tuple:
        raise TypeError(
            "%s cannot be watched: equal values may be one shared object; watch the object that holds it"
            % type(obj).__name__
        )
