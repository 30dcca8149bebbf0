"""`unleak.growth`: what a block of code leaves behind, by type and by container."""

from __future__ import annotations

import gc
import sys
from collections import Counter, deque
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple, Type

from unleak.api import naming
from unleak.api.search import Bounds, Search

_SIZED = frozenset((list, dict, set, deque))
MOST_TOLD = 10
LEAST_NEW = 8  # entries of a container that was not there, or that the collector did not manage while it was empty


class Grew(AssertionError):
    """More objects are left than `unleak.growth(at_most=...)` allows; the text says which, and which containers grew."""


class Container(NamedTuple):
    """A container that is larger than before; `before` is 0 also where it was not seen."""

    path: str
    before: int
    after: int


class growth:  # noqa: N801 - used like a function
    """`with unleak.growth() as grown: ...`, then `grown.objects`, `grown.types`, `grown.containers`, `str(grown)`.

    Counts the objects that the collector knows, before and after the block, after a collection each time. `at_most`:
    more than that raises Grew at the end. `of`: only objects of these types count. First calls fill caches: run the
    code once before the block. Other threads are counted too. Costs two passes over all objects of the process.
    """

    def __init__(self, *, at_most: Optional[int] = None, of: Tuple[Type[Any], ...] = ()):
        self._at_most = at_most
        self._of = of if isinstance(of, tuple) else (of,)
        self._counts: Dict[str, int] = {}
        self._sizes: Dict[int, int] = {}
        self._blocks = 0
        self.types: Dict[str, int] = {}  # change by type, largest first; without those that did not change
        self.objects = 0  # change in all
        self.blocks = 0  # change of the blocks that Python's allocator gave out: also what the collector does not know
        self.containers: List[Container] = []  # those that grew, largest growth first

    def __enter__(self) -> "growth":
        self._counts, self._sizes = self._census()
        self._blocks = sys.getallocatedblocks()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], *_: object) -> None:
        gc.collect()
        self.blocks = sys.getallocatedblocks() - self._blocks
        before, sizes = self._counts, self._sizes
        after, now = self._census()
        changes = {name: after.get(name, 0) - before.get(name, 0) for name in {**before, **after}}
        self.types = dict(sorted(((n, c) for n, c in changes.items() if c), key=lambda item: -item[1]))
        self.objects = sum(self.types.values())
        larger = [(address, size) for address, size in now.items() if size > sizes.get(address, 0)]
        grown = {address: size for address, size in larger if address in sizes or size >= LEAST_NEW}
        if grown and kind is None:
            self.containers = self._located(grown, sizes)
        self._counts, self._sizes = {}, {}
        if kind is None and self._at_most is not None and self.objects > self._at_most:
            raise Grew("%d more objects, at most %d were expected\n%s" % (self.objects, self._at_most, self))

    def _census(self) -> Tuple[Dict[str, int], Dict[int, int]]:
        """(objects by type, entries by container's address). Holds numbers and names only."""
        gc.collect()
        own = {id(self._counts), id(self._sizes), id(self.types), id(self.containers)}
        objects = gc.get_objects()
        if self._of:
            objects = [obj for obj in objects if issubclass(type(obj), self._of)]
        counts = Counter(map(type, objects))
        sizes = {id(obj): len(obj) for obj in objects if type(obj) in _SIZED and id(obj) not in own}
        del objects
        names: Dict[str, int] = {}
        for kind, number in counts.items():
            name = naming.type_name(kind)
            names[name] = names.get(name, 0) + number
        return names, sizes

    def _located(self, grown: Dict[int, int], sizes: Dict[int, int]) -> List[Container]:
        """The containers that grew most, with the way to them."""
        order = sorted(grown, key=lambda address: sizes.get(address, 0) - grown[address])
        addresses = set(order[:MOST_TOLD])
        objects = [
            obj for obj in gc.get_objects() if type(obj) in _SIZED and id(obj) in addresses and obj is not addresses
        ]
        found = []
        while objects:
            address = id(objects[-1])
            found.append(Container(_way(objects.pop(), {id(objects)}), sizes.get(address, 0), grown[address]))
        return sorted(found, key=lambda container: container.before - container.after)

    def __str__(self) -> str:
        if not self.types and not self.containers:
            return "nothing grew"
        lines = ["%+d objects" % self.objects]
        lines += ["  %+6d %s" % (change, name) for name, change in list(self.types.items())[:MOST_TOLD] if change > 0]
        lines += ["  %s: %d, then %d entries" % (c.path, c.before, c.after) for c in self.containers]
        return "\n".join(lines)


def _way(container: Any, skip: Set[int]) -> str:
    box = [container]
    del container
    found = Search(box, Bounds(paths=1, seconds=2.0), skip).run()
    return str(found.paths[0]) if found.paths else naming.describe(box[0])
