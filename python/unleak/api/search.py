"""Who holds an object: from it backwards through `gc.get_referrers`, to a module, a running function, or an end.

Bounded by objects, levels and time; what was left out is said. All objects met are in one list, which the search knows
for its own and lets go when it ends.
"""

from __future__ import annotations

import gc
import sys
import time
import types
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

from unleak.api import frames, naming

AT_ONCE = 32  # objects a question to the collector: it compares every reference of the heap with each of them
FREE_THREADED = "free-threading" in sys.version
MOST_OBJECTS = 2000
MOST_LEVELS = 40
UNNAMED = "?"
MOST_HOLDERS = 200  # of one object, more are counted only


class Bounds(NamedTuple):
    """How much a search may cost."""

    objects: int = MOST_OBJECTS
    seconds: float = 5.0
    paths: int = 5


class Path(NamedTuple):
    """One way from what holds for good to the object."""

    root: str  # module app; local variable `b` of main(), app.py:12; the interpreter or C code
    steps: List[str]  # SESSIONS (dict, 3 entries); ['abc'] ...
    kind: str  # module, name (in a module), local, interpreter

    def __str__(self) -> str:
        return " → ".join([self.root, *self.steps])


class Found(NamedTuple):
    """What a search came to."""

    paths: List[Path]
    holders: int  # references that an object or a variable was found for
    cyclic: bool  # all holders were seen, and all are held by the object alone: garbage
    complete: bool  # nothing was left out


class Search:
    """One search. `box` is a list with the object in it, the only reference that we have to it."""

    def __init__(self, box: List[Any], bounds: Bounds, skip: Optional[Set[int]] = None, ours: int = 0):
        """Containers with ids in `skip` are no holders; `ours`: references to the object, besides the box's, that are
        the search's and its callers' own."""
        self._bounds = bounds
        self._ours = ours
        self._objects: List[Any] = [box[0]]
        self._parents: List[int] = [-1]  # the object that this one refers to, by its place in _objects
        self._place: Dict[int, int] = {id(box[0]): 0}
        self._own: Set[int] = {id(box), id(self._objects), *(skip or ())}
        self._running = frames.running()
        self._modules = _namespaces()
        self._paths: List[Path] = []
        self._reached: Set[int] = set()  # first holders for which a path was found
        self._above: Dict[int, int] = {}  # on a path that was found: the object before this one
        self._tops: Dict[int, Tuple[str, str]] = {}  # where paths begin: root and kind
        self._joints: List[Tuple[int, int]] = []  # (an object met before, something else that it holds)
        self._holders = 0
        self._complete = True
        self._ended = False  # something is held by what cannot be seen
        self._deadline = time.monotonic() + bounds.seconds

    def run(self) -> Found:
        """Searches, and forgets every object again."""
        try:
            self._rooted(0)
            frontier = [0]
            for _ in range(MOST_LEVELS):
                frontier = self._level(frontier)
                if not frontier or len(self._paths) >= self._bounds.paths:
                    break
            self._join()
            self._complete = self._complete and not frontier
            cyclic = not self._paths and self._complete and not self._ended and self._is_closed()
            return Found(self._paths, self._holders, cyclic, self._complete)
        finally:
            self._objects.clear()

    def _level(self, frontier: List[int]) -> List[int]:
        """The holders of these objects that have to be looked at next."""
        following: List[int] = []
        for start in range(0, len(frontier), AT_ONCE):
            if len(self._objects) > self._bounds.objects or time.monotonic() > self._deadline:
                self._complete = False
                break
            following += self._holders_of(frontier[start : start + AT_ONCE])
        return following

    def _is_closed(self) -> bool:
        """Whether the objects of the search hold one another and nothing else holds any: by their reference counts, as
        the collector would find out."""
        inner = dict.fromkeys(map(id, self._objects), 0)
        for at in range(len(self._objects)):
            for address in [id(part) for part in gc.get_referents(self._objects[at])]:
                if address in inner:
                    inner[address] += 1
        outer = [references(self._objects, at) - inner[id(self._objects[at])] for at in range(len(self._objects))]
        return outer[0] == self._ours + 1 and not any(outer[1:])

    def _holders_of(self, places: List[int]) -> List[int]:
        targets = [self._objects[place] for place in places]
        held = set()
        following: List[int] = []
        self._own.add(id(targets))
        found = _referrers(targets)
        self._own.add(id(found))
        for holder in found:
            if id(holder) in self._own or self._is_frame_of_ours(holder):
                continue
            for place in self._held_by(holder, places):
                held.add(place)
                if place == 0:
                    self._holders += naming.occurrences(holder, self._objects[0])
                self._add(holder, place, following)
        self._own -= {id(targets), id(found)}
        for place in places:
            if place not in held and not self._global(place) and place:
                self._end(place)
        return following

    def _held_by(self, holder: Any, places: List[int]) -> List[int]:
        ids = {id(part) for part in gc.get_referents(holder)}
        return [place for place in places if id(self._objects[place]) in ids]

    def _is_frame_of_ours(self, holder: Any) -> bool:
        """Running frames are read by name (frames.running); our own do not count."""
        if type(holder) is types.FrameType:
            return id(holder) in self._running.frames or frames.is_own(holder)
        return False

    def _add(self, holder: Any, target: int, following: List[int]) -> None:
        """A holder: a root ends a path, another is looked at in its turn, one met before may join a path."""
        known = self._place.get(id(holder))
        if known is not None:
            self._joints.append((known, target))
            return
        if len(self._objects) > self._bounds.objects or len(following) > MOST_HOLDERS:
            self._complete = False
            return
        place = len(self._objects)
        self._objects.append(holder)
        self._parents.append(target)
        if not self._rooted(place):  # a root may end many paths: it is not remembered as met
            self._place[id(holder)] = place
            following.append(place)

    def _rooted(self, place: int) -> bool:
        """Whether an object is held by a module or a variable of a running function; records the paths."""
        thing = self._objects[place]
        root = self._modules.get(id(thing)) or self._running.namespaces.get(id(thing))
        if root is not None:
            self._found(self._down(place), root, "module")
        names = self._running.locals.get(id(thing), ())
        for local in names:
            if place == 0:
                self._holders += local.counted
            self._found(self._down(place), local.text, "local")
        return root is not None or bool(names)

    def _global(self, place: int) -> bool:
        """Whether a module has it by name, asked of the modules themselves where the collector may not show them."""
        if not FREE_THREADED:
            return False
        thing = self._objects[place]
        for name, module in list(sys.modules.items()):
            for key, value in list(_namespace(module).items()):
                if value is thing:
                    self._holders += not place
                    self._found(self._down(place), "module %s → .%s (%s)" % (name, key, naming.describe(thing)), "name")
                    return True
        self._complete = False
        return False

    def _end(self, place: int) -> None:
        """Nothing that the collector sees refers to it, but it is alive."""
        thing = self._objects[place]
        if any(local for part in _contents(thing)[1:] for local in self._running.locals.get(part, ())):
            return  # the cell of a variable of a running function, which is told by its name
        self._ended = True
        if isinstance(thing, types.ModuleType):
            self._found(self._down(place), naming.describe(thing), "module")
        else:
            self._found(self._down(place), "the interpreter or C code", "interpreter")

    def _down(self, place: int) -> List[int]:
        """From an object of the search to the one that is asked about."""
        chain = [place]
        while chain[-1] != 0:
            chain.append(self._parents[chain[-1]])
        return chain

    def _found(self, chain: List[int], root: str, kind: str) -> None:
        """One path for each of the object's own holders is enough, but every variable that is the object is told."""
        first = chain[-2] if len(chain) > 1 else None
        if first is not None and (first in self._reached or len(self._paths) >= self._bounds.paths):
            return
        if first is not None:
            self._reached.add(first)
        for above, below in zip(chain, chain[1:]):
            self._above.setdefault(below, above)
        self._tops[chain[0]] = (root, kind)
        self._paths.append(self._path(chain, root, kind))

    def _join(self) -> None:
        """Paths of further holders of the object, which go through what another path goes through."""
        for above, below in self._joints:
            chain = [above]
            while chain[0] in self._above and len(chain) <= MOST_LEVELS:
                chain.insert(0, self._above[chain[0]])
            if chain[0] in self._tops and below not in chain:
                self._found(chain + self._down(below), *self._tops[chain[0]])

    def _path(self, chain: List[int], root: str, kind: str) -> Path:
        things = [self._objects[place] for place in chain]
        if kind == "local" and len(things) > 1 or kind == "interpreter":
            root = "%s (%s)" % (root, naming.describe(things[0]))
        steps = []
        at = 0
        while at + 1 < len(things):
            holder, target = things[at], things[at + 1]
            label = self._label(holder, target, at == 0 and kind == "module", things[at - 1] if at else None)
            at += 1
            if label == UNNAMED and at + 1 < len(things) and naming.may_be_attributes(target, holder):
                label = "." + _attribute(target, things[at + 1])
                target = things[at + 1]
                at += 1
            steps.append("%s (%s)" % (label, naming.describe(target)))
        return Path(root, steps, kind)

    def _label(self, holder: Any, target: Any, is_module: bool, above: Any) -> str:
        meant = _contents(target)
        for frame in frames.suspended(holder):
            for name, address in frames.local_ids(frame):
                if address in meant:
                    return "local variable `%s`" % name
        label = naming.edge(holder, target)
        if is_module and label.startswith("['"):
            return "." + label[2:-2]
        if type(holder) is tuple and type(above) is types.FunctionType and type(target) is types.CellType:
            at = label.strip("[]")
            names = above.__code__.co_freevars
            return "variable `%s`" % names[int(at)] if at.isdecimal() and int(at) < len(names) else label
        return label or UNNAMED


def references(box: List[Any], at: int = 0) -> int:
    """References to an object in a list, without the list's."""
    return sys.getrefcount(box[at]) - _BASE


def _contents(target: Any) -> Tuple[int, ...]:
    """Ids under which a frame's variables show an object: a cell is shown by what is in it."""
    if type(target) is types.CellType:
        try:
            return id(target), id(target.cell_contents)
        except ValueError:
            pass  # empty
    return (id(target),)


def _referrers(targets: List[Any]) -> List[Any]:
    """All objects that refer to one of these, as the collector sees them."""
    if FREE_THREADED:
        # There `gc.get_referrers` now and then misses holders that `gc.get_objects` shows; sometimes, after a
        # collection, both miss many objects (seen on 3.13.15). Search._global and `complete` make up for it.
        ids = {id(target) for target in targets}
        return [obj for obj in gc.get_objects() if not ids.isdisjoint(map(id, gc.get_referents(obj)))]
    found = gc.get_referrers(*targets)
    _remove_arguments(found, targets)
    return found


def _remove_arguments(found: List[Any], targets: List[Any]) -> None:
    """From 3.13 on the collector also shows the tuple of the arguments that it was asked with: of the tuples of just
    these objects the one that nobody else has."""
    if not _SHOWS_ARGUMENTS:
        return
    same = [at for at, holder in enumerate(found) if _are_same(holder, targets)]
    if same:
        del found[min(same, key=lambda at: sys.getrefcount(found[at]))]


def _are_same(holder: Any, targets: List[Any]) -> bool:
    if type(holder) is not tuple or len(holder) != len(targets):
        return False
    return all(one is other for one, other in zip(holder, targets))


_probe = [type("Probe", (), {})()]
_BASE = sys.getrefcount(_probe[0])  # the list's, and the call's own
_SHOWS_ARGUMENTS = any(type(holder) is tuple for holder in gc.get_referrers(*_probe))
del _probe


def _attribute(attributes: Dict[str, Any], target: Any) -> str:
    label = naming.edge(attributes, target)
    return label[2:-2] if label.startswith("['") else label or UNNAMED


def _namespaces() -> Dict[int, str]:
    """Ids of the dicts of imported modules, with how they are called."""
    return {
        id(_namespace(module)): "module %s" % name for name, module in list(sys.modules.items()) if _namespace(module)
    }


def _namespace(module: Any) -> Dict[str, Any]:
    """A module's dict, read without code of a module's own class; {} for what is put into sys.modules instead."""
    return naming.module_dict(module) if isinstance(module, types.ModuleType) else {}
