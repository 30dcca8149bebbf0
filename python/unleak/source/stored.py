"""Which lines store into a holder's container, and which lines of the program lead there."""

import ast
import math
from typing import Dict, Iterator, List, Optional, Set, Tuple

from . import callers, implicit
from .holder import Tracker, tracker_for
from .edges import find_class
from .kinds import matches, self_class, short, type_names
from .mutations import ADD, INIT, REPLACE, Mutation, scan
from .places import Frames, Place, place, ranked
from .program import Program
from .question import describe, texts
from .settled import CACHE_WRAPPER
from .syntax import Scope, dotted, in_function

_FLOOR = 0.12  # places below are named only if there is nothing better
_MAX_TRACED = 6  # functions whose callers are looked for
_CACHES = ("lru_cache", "cache", "cached", "memoize", "alru_cache")
# Lists that the interpreter itself keeps, by the name of the root, and the functions that add to them.
_HOOKS = {
    "atexit": ("register",),
    "fork": ("register_at_fork",),
    "audit": ("addaudithook",),
    "codec": ("register", "register_error"),
}
_HOOK_MODULES = {"atexit": "atexit", "fork": "os", "audit": "sys", "codec": "codecs"}


class Stored:
    """Answers `stored` for one holder."""

    def __init__(self, tracker: Tracker, question: dict) -> None:
        self.tracker = tracker
        self.program = tracker.program
        self.frames = Frames(question.get("frames"))
        self.elements = texts(question.get("element_types"))
        self.keys = texts(question.get("key_types"))

    def places(self) -> List[Place]:
        """Best first; [] if nothing was found."""
        if self.tracker.kind == "interpreter":
            return ranked(self.program, self._hooks(), self.program.limits.places)
        found: List[Tuple[float, Mutation]] = []
        for mutation in scan(self.tracker):
            if mutation.effect in (ADD, REPLACE, INIT):
                found.append((self._score(mutation), mutation))
        found.sort(key=lambda pair: -pair[0])
        places = [place(m.scope, m.node, m.operation, score) for score, m in found]
        wrappers = list(self._wrappers())
        places += wrappers
        if self.tracker.kind == "default-argument":
            places += list(self._default())
        places += list(self._by_python())
        adding = [(s, m) for s, m in found if m.effect != INIT and s >= 0.2]
        places += list(self._followed(adding))
        if not wrappers:
            places += self._callers(places, adding)
        places = ranked(self.program, places, 64)
        good = [p for p in places if p["score"] >= _FLOOR]
        if good and any(p["operation"] != "assign" or p["score"] >= 0.3 for p in good):
            good = [p for p in good if p["score"] >= 0.2 * good[0]["score"]]
        return (good or places)[: self.program.limits.places]

    # -- scores --

    def _score(self, mutation: Mutation) -> float:
        line = getattr(mutation.node, "lineno", 1)
        score = (
            mutation.confidence
            * mutation.weight
            * self._type_factor(mutation)
            * self.frames.factor(mutation.scope, line)
        )
        if not in_function(mutation.scope) and not self._runs_often(mutation):
            score *= 0.4
        if self.program.is_library(mutation.scope.source.path):
            score *= 0.97 if self.program.uses(mutation.scope.source.path) else 0.9
        if mutation.effect == INIT:
            score *= 0.5
        return score

    def _runs_often(self, mutation: Mutation) -> bool:
        """Code of a module runs once, unless it stands in a loop of the main program."""
        parents = mutation.scope.source.parents
        node: Optional[ast.AST] = mutation.node
        for _ in range(64):
            if node is None:
                return False
            if isinstance(node, (ast.For, ast.While)):
                return mutation.scope.source.path == self.program.main_file
            node = parents.get(node)
        return False

    def _type_factor(self, mutation: Mutation) -> float:
        """Whether what is stored can be what was found in the container."""
        value_fits = self._fits(mutation.value, mutation, self.elements, mutation.spread)
        key_fits = (
            self._fits(mutation.key, mutation, self.keys, False) if self.keys and mutation.key is not None else None
        )
        factor = 1.0 if value_fits else 0.86 if value_fits is None else 0.45
        if isinstance(mutation.value, ast.Name) and self_class(mutation.value.id, mutation.scope) is not None:
            factor = self._own_kind(mutation.value.id, mutation.scope)
        if key_fits is False:
            factor *= 0.6
        elif key_fits is None and self.keys:
            factor *= 0.98
        return factor

    def _own_kind(self, name: str, scope: Scope) -> float:
        """An object that stores itself: its class, or one derived from it, is what was found, the first type rather
        than a later one."""
        klass = self_class(name, scope)
        for rank, element in enumerate(self.elements):
            found = find_class(self.program, element)
            family = [found] + self.program.bases(found) if found is not None else []
            if short(element) == klass.name or any(klass is k for k in family):
                return 1.0 if rank == 0 else 0.8
        return 0.45 if self.elements else 0.86

    def _fits(self, expr: Optional[ast.expr], mutation: Mutation, wanted: List[str], spread: bool) -> Optional[bool]:
        if expr is None:
            return None
        if spread:
            parts = expr.elts if isinstance(expr, (ast.List, ast.Tuple, ast.Set)) else []
            if isinstance(expr, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
                parts = [expr.elt]
            elif isinstance(expr, ast.Dict):
                parts = [v for v in expr.values if v is not None]
            if not parts:
                return None
            fits = [matches(type_names(self.program, p, mutation.scope), wanted) for p in parts[:8]]
            return True if True in fits else None if None in fits else False
        return matches(type_names(self.program, expr, mutation.scope), wanted)

    # -- caches, defaults, parameters --

    def _wrappers(self) -> Iterator[Place]:
        """A cache that wraps a function: the decorator's line, or the call that makes the wrapper."""
        if not self.tracker.container.endswith(CACHE_WRAPPER) and self.tracker.container:
            return
        for source in self.tracker.sources:
            for scope in source.scopes:
                if scope.kind != "function" or scope.name not in self.tracker.names:
                    continue
                for decorator in getattr(scope.node, "decorator_list", ()):
                    name = dotted(decorator.func if isinstance(decorator, ast.Call) else decorator).rpartition(".")[2]
                    sure = (
                        0.95 if name in _CACHES else 0.5 if "cache" in name.lower() or "memo" in name.lower() else 0.0
                    )
                    if sure and self._own_function(scope):
                        yield place(scope.parent or scope, decorator, "decorate", sure)
                        for caller in callers.find(self.program, scope, self.frames, 3):
                            line = caller.node.lineno
                            factor = self.frames.factor(caller.scope, line)
                            yield place(
                                caller.scope,
                                caller.node,
                                "call",
                                0.8 * sure * caller.confidence * factor,
                                level=caller.level,
                            )

    def _by_python(self) -> Iterator[Place]:
        """Stores that no assignment says: of what a `raise` chains, of warnings that were shown."""
        tracker = self.tracker
        if tracker.name in implicit.CHAINS and tracker.kind == "instance-attribute":
            yield from implicit.chained(self.program, tracker.class_name, tracker.name, self.elements, self.frames)
        elif tracker.name == implicit.WARNINGS:
            yield from implicit.warned(self.program, tracker.path, self.frames)
        elif tracker.class_name == "_abc_data" or any(step.name == implicit.CLASS_CACHES for step in tracker.steps):
            yield from implicit.class_checks(self.program, self.frames)

    def _own_function(self, scope: Scope) -> bool:
        if self.tracker.path and scope.source.path != self.tracker.path:
            return False
        klass = scope.parent.qualname if scope.parent is not None and scope.parent.kind == "class" else ""
        return not self.tracker.class_name or klass in ("", self.tracker.class_name)

    def _default(self) -> Iterator[Place]:
        """The def line whose default value is the container."""
        for source in self.tracker.sources:
            for scope in source.functions(self.tracker.function):
                if id(scope) in self.tracker.owners:
                    yield place(
                        scope.parent or scope, scope.node, "default", 0.4, function=scope.name, qualname=scope.qualname
                    )

    def _followed(self, adding: List[Tuple[float, Mutation]]) -> Iterator[Place]:
        """Calls that gave the container to a function that stores into it."""
        done: Set[int] = set()
        for score, mutation in adding:
            here: Optional[Scope] = mutation.scope
            while here is not None and id(here) not in self.tracker.calls_followed:
                here = here.parent
            if here is None or id(here) in done:
                continue
            done.add(id(here))
            for scope, call in self.tracker.calls_followed[id(here)][:4]:
                yield place(scope, call, "call", 0.7 * score * self.frames.factor(scope, call.lineno), level=1)

    # -- who leads there --

    def _callers(self, places: List[Place], adding: List[Tuple[float, Mutation]]) -> List[Place]:
        """The program's own lines that lead to the lines that store. They also tell which of several lines it was: places
        that nothing in the program leads to lose some of their score."""
        best = [(s, m) for s, m in adding if in_function(m.scope)]
        best = [(s, m) for s, m in best if s >= max(_FLOOR, 0.7 * best[0][0])]
        library = bool(best) and self.program.is_library(best[0][1].scope.source.path)
        ways: Dict[int, List[callers.Caller]] = {}
        for _, mutation in best:
            scope = _code_scope(mutation.scope)
            if id(scope) not in ways and len(ways) < (_MAX_TRACED if library else 1):
                ways[id(scope)] = callers.find(self.program, scope, self.frames, 3)
        found: Dict[Tuple[str, int], Place] = {}
        for score, mutation in best:
            lead = ways.get(id(_code_scope(mutation.scope)), [])
            reached = max([callers.rank(c, self.frames) for c in lead], default=0.0)
            if library and len(ways) > 1:
                score *= 0.8 + 0.2 * reached
                _rescore(places, mutation, score)
            for caller in lead:
                line = caller.node.lineno
                own = (0.95 if library else 0.5) * score * math.sqrt(callers.rank(caller, self.frames))
                if library and mutation is best[0][1] and caller is lead[0] and caller.confidence >= 0.5:
                    own = max(own, 0.9 * score)  # the way to the best line is told next to it
                operation = "decorate" if caller.decorator else "call"
                made = place(caller.scope, caller.node, operation, own, level=caller.level)
                found.setdefault((caller.scope.source.path, line), made)
        if not found and (library or not best):
            native = self._calls_into_module()
            if any(p["score"] >= 0.45 for p in native):
                # The program reaches the module by native code only.
                for entry in places:
                    entry["score"] = round(entry["score"] * 0.6, 3)
            return native
        return list(found.values())

    def _calls_into_module(self) -> List[Place]:
        """Nothing written in Python stores: the program's calls into the holder's module that only native code can answer."""
        if not self.tracker.module or self.tracker.kind not in (
            "module-global",
            "class-attribute",
            "instance-attribute",
        ):
            return []
        head = self.tracker.module.partition(".")[0]
        found: List[Place] = []
        for path in self.program.candidates([head, head.lstrip("_")]):
            if self.program.is_library(path):
                continue
            source = self.program.source(path)
            for scope in source.scopes if source is not None else ():
                for node in scope.of(ast.Call):
                    near = self._native_call(node, scope, head)
                    if near:
                        running = self.frames.factor(scope, node.lineno)
                        once = 1.0 if in_function(scope) else 0.4
                        found.append(place(scope, node, "call", 0.6 * near * running * once, level=1))
        return found

    def _native_call(self, node: ast.Call, scope: Scope, head: str) -> float:
        """How likely a call into the holder's module ends in native code and stores what was found."""
        name = dotted(node.func)
        first = name.partition(".")[0]
        target = scope.source.imports.get(first)
        if not name or target is None or target.module.partition(".")[0].lstrip("_") != head.lstrip("_"):
            return 0.0
        if not target.name and "." not in name:
            return 0.0
        if target.module == "sys" and name.count(".") > (0 if target.name else 1):
            return 0.0  # sys.stdout.write(): what hangs on sys is of other modules
        known = self.program.definition(scope, name)
        near = 0.35 if known is not None and known.kind == "function" else 0.25 if known is not None else 0.9
        given = {t for a in node.args for t in type_names(self.program, a, scope)}
        if matches(given, self.keys) or matches(given, self.elements):
            near = min(1.0, near + 0.1)
        elif "type" in given and any(k.endswith(("Type", "Meta", "type")) for k in self.keys + self.elements):
            near = min(1.0, near + 0.1)
        return near

    def _hooks(self) -> Iterator[Place]:
        """Registrations in lists that the interpreter keeps: exit handlers, fork handlers, codecs, audit hooks."""
        name = self.tracker.name.lower()
        if name.endswith("context"):
            yield from self._context_values()
        for hook, functions in _HOOKS.items():
            if hook not in name:
                continue
            traced = 0
            for path in self.program.candidates(functions):
                source = self.program.source(path)
                for scope in source.scopes if source is not None else ():
                    for node in scope.of(ast.Call):
                        if self._is_hook(node, scope, hook, functions):
                            traced += in_function(scope)
                            yield from self._hook_places(node, scope, traced <= _MAX_TRACED)

    def _context_values(self) -> Iterator[Place]:
        """`VAR.set(value)` of a ContextVar."""
        for path in self.program.candidates(["ContextVar"]):
            source = self.program.source(path)
            for scope in source.scopes if source is not None else ():
                for node in scope.of(ast.Call):
                    func = node.func
                    if not isinstance(func, ast.Attribute) or func.attr != "set" or len(node.args) != 1:
                        continue
                    if "ContextVar" in type_names(self.program, func.value, scope):
                        fits = matches(type_names(self.program, node.args[0], scope), self.elements)
                        score = 0.9 if fits else 0.6 if fits is None else 0.3
                        line = node.lineno
                        yield place(
                            scope,
                            node,
                            "call",
                            score * self.frames.factor(scope, line) * (1.0 if in_function(scope) else 0.4),
                        )

    @staticmethod
    def _is_hook(node: ast.Call, scope: Scope, hook: str, functions: Tuple[str, ...]) -> bool:
        name = dotted(node.func)
        head, _, last = name.rpartition(".")
        module = _HOOK_MODULES.get(hook, "")
        if head:
            target = scope.source.imports.get(head)
            return last in functions and (
                not module or head == module or (target is not None and target.module == module)
            )
        target = scope.source.imports.get(name)
        return target is not None and target.name in functions and target.module == module

    def _hook_places(self, node: ast.Call, scope: Scope, trace: bool) -> Iterator[Place]:
        """One registration, by what it registers and by whether the program leads there; and the lines that lead there."""
        klass = scope.enclosing_class()
        given = {
            t for a in list(node.args) + [k.value for k in node.keywords] for t in type_names(self.program, a, scope)
        }
        wanted = {short(t) for t in self.elements}
        exact = klass is not None and klass.name in wanted
        score = (0.95 if exact else 0.75 if given & wanted else 0.4) * self.frames.factor(scope, node.lineno)
        ways: List[callers.Caller] = []
        if in_function(scope):
            ways = callers.find(self.program, scope, self.frames, 3) if trace else []
            score *= 0.8 + 0.2 * max([callers.rank(c, self.frames) for c in ways], default=0.0)
        else:
            score *= 0.4
        yield place(scope, node, "register", score)
        for caller in ways:
            own = 0.95 * score * math.sqrt(callers.rank(caller, self.frames))
            yield place(caller.scope, caller.node, "call", own, level=caller.level)


def _code_scope(scope: Scope) -> Scope:
    """The function (or module) whose code a node of this scope belongs to."""
    while scope.kind == "class" and scope.parent is not None:
        scope = scope.parent
    return scope


def _rescore(places: List[Place], mutation: Mutation, score: float) -> None:
    for entry in places:
        if entry["file"] == mutation.scope.source.path and entry["line"] == getattr(mutation.node, "lineno", 1):
            entry["score"] = round(score, 3)


def answer(program: Program, question: dict) -> Tuple[Optional[dict], str]:
    """The answer, or None and the reason."""
    tracker = tracker_for(program, question)
    if not tracker.known:
        return None, "the holder has no name"
    places = Stored(tracker, question).places()
    if not places:
        return None, "no line that stores into %s was found" % describe(question)
    return {"places": places}, ""
