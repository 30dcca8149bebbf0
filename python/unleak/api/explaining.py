"""`unleak.explain(obj)`: why is it alive?"""

from __future__ import annotations

import gc
import sys
from typing import Any, List, NamedTuple, Optional, Set

from unleak.api import naming
from unleak.api.search import Bounds, Path, Search, references


class Explanation(NamedTuple):
    """Who holds an object. Text and numbers: it keeps nothing alive. `str()` is what a person reads."""

    what: str
    references: int  # to the object, without our own; -1: it is immortal
    paths: List[Path]
    unexplained: int  # references for which no object and no variable was found
    cyclic: bool  # held by nothing but itself: the collector frees it
    complete: bool  # whether the search saw everything

    @property
    def names(self) -> List[str]:
        """The variables that hold it: the places of path.root that a `del` would take away."""
        return [path.root for path in self.paths if path.kind == "local" and not path.steps]

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def explain(obj: Any, *, paths: int = 5, seconds: float = 5.0) -> Explanation:
    """Why `obj` is alive: the variables, modules and containers that hold it, at most `paths` ways, looking for at
    most `seconds`. The caller's own variable is one of them.

    Costs a pass over all objects of the process for each step away from the object; meant for tests and debugging.
    """
    box = [obj]
    del obj
    return explain_box(box, Bounds(paths=paths, seconds=seconds), _calls())


def explain_box(box: List[Any], bounds: Bounds, ours: int, skip: Optional[Set[int]] = None) -> Explanation:
    """The same for the object in a list. `ours` references more are not counted; the containers with ids in `skip` are
    no holders."""
    count = references(box) - ours
    what = naming.describe(box[0])
    if naming.immortal(count):
        return Explanation(what, -1, [], 0, False, True)
    found = Search(box, bounds, skip, ours).run()
    return Explanation(what, count, found.paths, max(0, count - found.holders), found.cyclic, found.complete)


def _calls() -> int:
    """References that a call `explain(variable)` itself holds while it runs: the caller's stack, up to Python 3.10."""
    return 1 if sys.version_info < (3, 11) else 0


def _lines(explanation: Explanation) -> List[str]:
    if explanation.references < 0:
        return ["%s is immortal: it is never freed, whoever refers to it" % explanation.what]
    head = "%s is alive: %s" % (explanation.what, naming.plural(explanation.references, "reference", "references"))
    lines = [head] + ["  %d. %s" % (at, path) for at, path in enumerate(explanation.paths, 1)]
    if explanation.cyclic:
        lines.append("  only a cycle through itself holds it: the collector frees it%s" % _collector())
    if explanation.unexplained:
        lines.append("  %s that no object or variable shows: a value in the middle of an expression, a constant, or C code"
                     % naming.plural(explanation.unexplained, "reference", "references"))  # fmt: skip
    if not explanation.complete:
        lines.append("  the search did not see everything: there may be more")
    return lines


def _collector() -> str:
    return "" if gc.isenabled() and gc.get_threshold()[0] else ", but it is switched off"
