"""Which line makes an edge of a reference cycle.

The edge's types say what to look for (an attribute, an entry, a closure cell, a bound method, an exception's frame, a
class); the code objects that are members of the cycle (`functions`) say where.
"""

import ast
import re
from typing import Iterator, List, Optional, Set, Tuple

from . import callers, selfput
from .exceptions import exception_places
from .holder import Tracker
from .kinds import is_property, matches, self_class, short, type_names
from .mutations import ADD, INIT, scan
from .places import Frames, Place, place, ranked
from .program import Program
from .question import text_field, texts
from .syntax import Scope, constant_text, dotted, free_names, in_function

_CONTAINERS = frozenset("list dict set frozenset tuple deque OrderedDict defaultdict mappingproxy".split())
_FUNCTIONS = frozenset({"function", "cell"})
_METHODS = frozenset(
    {"method", "builtin_function_or_method", "method-wrapper", "partial", "functools.partial", "_lru_cache_wrapper"}
)
_RUNNING = frozenset({"frame", "traceback", "generator", "coroutine", "async_generator"})
_CLASS_PARTS = frozenset(
    "type getset_descriptor mappingproxy member_descriptor wrapper_descriptor ABCMeta EnumMeta EnumType _abc_data property".split()
)
_CLASS_MAKERS = frozenset("type new_class namedtuple make_dataclass NewType create_model make_class".split())
_MAKER = re.compile(rb"\b(?:type\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*,|new_class\(|make_dataclass\()")
_MAX_MAKERS = 12  # class-making calls whose callers are looked for
_WORD = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"


class Cycle:
    """One edge, and the functions whose code objects are in the cycle."""

    def __init__(self, program: Program, question: dict) -> None:
        self.program = program
        self.source_type = text_field(question, "from")
        self.target_type = text_field(question, "to")
        self.edge = text_field(question, "edge")
        self.name = edge_name(self.edge)
        self.frames = Frames(question.get("frames"))
        self.via = question.get("via")
        types = question.get("types")
        self.types = [t for t in types if isinstance(t, str)] if isinstance(types, list) else []
        self.members: List[Scope] = []
        listed = question.get("functions")
        for entry in listed if isinstance(listed, list) else ():
            scope = self._member(entry)
            if scope is not None and scope not in self.members:
                self.members.append(scope)

    def _member(self, entry: object) -> Optional[Scope]:
        """The scope of a code object: by its name and first line, else by name alone."""
        path, name = text_field(entry, "file"), text_field(entry, "function")
        line = entry.get("line") if isinstance(entry, dict) else None
        source = self.program.source(path) if path else None
        if source is None or not name:
            return None
        found = source.functions(name) or [s for s in source.scopes if s.name == name.rpartition(".")[2]]
        if not found:
            return source.function_at(line) if isinstance(line, int) else None
        if isinstance(line, int):
            found = sorted(found, key=lambda s: abs(s.first_line - line) if s.kind != "module" else 0)
        return found[0]

    def near(self, scope: Scope) -> float:
        """Evidence from the members: the line stands in one of them, in one of their files, or elsewhere."""
        if not self.members:
            return 0.92
        here: Optional[Scope] = scope
        while here is not None and here.kind != "module":
            if any(here is m for m in self.members):
                return self._telling(scope)
            here = here.parent
        return 0.88 if any(m.source is scope.source for m in self.members) else 0.8

    def _telling(self, scope: Scope) -> float:
        """Of several members, those of the standard library are the least likely to be the cause."""
        standard = self.program.is_standard
        others = any(not standard(m.source.path) for m in self.members)
        return 0.85 if others and standard(scope.source.path) else 1.0


def edge_name(edge: str) -> str:
    """The identifier in an edge's text: ".next" and "['next']" and "cell next" are all "next"; "" if there is none."""
    word = ""
    for char in reversed(edge):
        if char in _WORD:
            word = char + word
        elif word:
            break
    return "" if word.isdigit() else word


def answer(program: Program, question: dict) -> Tuple[Optional[dict], str]:
    """The answer, or None and the reason."""
    cycle = Cycle(program, question)
    found = list(_by_kind(cycle))
    if not any(p["score"] >= 0.3 for p in found):
        found += list(_native_calls(cycle, question.get("bases")))
        found += list(_fallback(cycle))
    if not found:
        return None, "no line that makes the edge %s %s %s was found" % (
            cycle.source_type,
            cycle.edge,
            cycle.target_type,
        )
    places = ranked(program, found, program.limits.places)
    places = [p for p in places if p["score"] >= 0.3 * places[0]["score"]]
    places += _lead_there(cycle, places[0])
    return {"places": places[: program.limits.places]}, ""


def _by_kind(cycle: Cycle) -> Iterator[Place]:
    source, target = short(cycle.source_type), short(cycle.target_type)
    if source in _RUNNING or _is_exception(source) or target in ("frame", "traceback"):
        types = {short(t) for t in [cycle.source_type, cycle.target_type] + cycle.types if _is_exception(short(t))}
        for scope in cycle.members:
            near = cycle.near(scope)
            for found in exception_places([scope], cycle.name, types, raised=source not in _RUNNING):
                yield {**found, "score": round(found["score"] * near, 3)}
    if source in _FUNCTIONS or target == "cell":
        yield from _closures(cycle)
    if source in _METHODS:
        yield from _bound_methods(cycle)
    if _is_class(source) or _is_class(target):
        yield from _classes(cycle)
    if source in _CONTAINERS and not _is_class(target):
        yield from _entries(cycle)
    elif "." in cycle.source_type and cycle.name and not cycle.name.startswith("__"):
        yield from _attributes(cycle, cycle.source_type, cycle.name)


def _is_exception(name: str) -> bool:
    return name.endswith(("Error", "Exception", "Warning", "Interrupt", "Exit", "StopIteration", "ExceptionGroup"))


def _is_class(name: str) -> bool:
    return name in _CLASS_PARTS or name.endswith(("Meta", "Metaclass"))


# -- attributes --


def _attributes(cycle: Cycle, owner: str, name: str) -> Iterator[Place]:
    """Assignments to an attribute of a class, by who is assigned to and what is assigned."""
    tracker = class_tracker(cycle.program, owner, name, cycle)
    for source in tracker.sources:
        for scope in source.scopes:
            for node, target, value in _attribute_stores(scope, tracker.names):
                found = tracker.target_level(target, scope)
                if found is None:
                    continue
                score = found[1] * _value_factor(cycle, value, scope) * cycle.near(scope)
                operation = "setattr" if isinstance(node, ast.Call) else "assign"
                yield place(scope, node, operation, score * (0.97 if cycle.program.is_library(source.path) else 1.0))


def class_tracker(program: Program, type_name: str, attribute: str, cycle: Cycle) -> Tracker:
    """A tracker for an attribute of a class whose qualified name does not say where the module ends."""
    parts = type_name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        if program.module_file(".".join(parts[:cut])) is not None:
            break
    else:
        cut = max(1, len(parts) - 1)
    holder = {
        "kind": "instance-attribute",
        "module": ".".join(parts[:cut]),
        "class": ".".join(parts[cut:]),
        "name": attribute,
    }
    tracker = Tracker(program, {"holder": holder})
    for scope in cycle.members:
        if scope.source not in tracker.sources:
            tracker.sources.append(scope.source)
    return tracker


def _attribute_stores(scope: Scope, names: Set[str]) -> Iterator[Tuple[ast.AST, ast.expr, Optional[ast.expr]]]:
    for node in scope.of(ast.Assign, ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        value = node.value
        todo = [(t, value) for t in targets]
        while todo:
            target, given = todo.pop()
            if isinstance(target, (ast.Tuple, ast.List)):
                same = isinstance(given, (ast.Tuple, ast.List)) and len(given.elts) == len(target.elts)
                todo.extend((t, given.elts[k] if same else None) for k, t in enumerate(target.elts))
            elif isinstance(target, ast.Attribute) and target.attr in names and given is not None:
                yield node, target, given
    for node in scope.of(ast.Call):
        if dotted(node.func) in ("setattr", "object.__setattr__") and len(node.args) == 3:
            name = constant_text(node.args[1])
            if name in names:
                yield node, ast.Attribute(value=node.args[0], attr=name or "", ctx=ast.Store()), node.args[2]


def _value_factor(cycle: Cycle, value: Optional[ast.expr], scope: Scope) -> float:
    """Whether what is assigned can be the edge's target."""
    if isinstance(value, ast.Constant):
        return 0.1
    if isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2] in ("ref", "proxy", "WeakMethod"):
        return 0.1
    fits = matches(type_names(cycle.program, value, scope), [cycle.target_type]) if value is not None else None
    if fits:
        return 1.0
    if fits is None:
        return 0.85
    callable_target = short(cycle.target_type) in _METHODS | {"function"}
    return 0.6 if callable_target and isinstance(value, (ast.Attribute, ast.Call)) else 0.4


# -- entries of containers --


def _entries(cycle: Cycle) -> Iterator[Place]:
    """Entries that lead back: a container put into itself, or into the attribute that the question says it is (`via`)."""
    if isinstance(cycle.via, dict) and "." in text_field(cycle.via, "from"):
        name = edge_name(text_field(cycle.via, "edge"))
        tracker = class_tracker(cycle.program, text_field(cycle.via, "from"), name, cycle)
        known = False
        for mutation in scan(tracker):
            if mutation.effect == ADD or (mutation.effect != INIT and mutation.value is not None):
                score = (
                    mutation.confidence
                    * mutation.weight
                    * _value_factor(cycle, mutation.value, mutation.scope)
                    * cycle.near(mutation.scope)
                )
                known = known or score >= 0.3
                yield place(mutation.scope, mutation.node, mutation.operation, score)
        if known:
            return
    if cycle.name and "." in cycle.target_type:  # the dict of an instance, where the graph shows it
        for scope in cycle.members:
            for node, _, value in _attribute_stores(scope, {cycle.name}):
                yield place(scope, node, "assign", 0.8 * _value_factor(cycle, value, scope))
    both = short(cycle.target_type) in _CONTAINERS
    for found in selfput.self_puts(cycle.program, cycle.members):
        if not both and not cycle.members and cycle.program.is_library(found.scope.source.path):
            continue  # a list that holds itself somewhere in a library says nothing of an object in a dict
        yield place(
            found.scope, found.node, found.operation, found.sure * cycle.near(found.scope) * (1.0 if both else 0.6)
        )
    if "." in cycle.target_type and not cycle.name:
        yield from _elements(cycle)


def _elements(cycle: Cycle) -> Iterator[Place]:
    """Adds of an object of the target's type, in the members and in the type's own file."""
    scopes = list(cycle.members)
    klass = find_class(cycle.program, cycle.target_type)
    if klass is not None:
        scopes += [s for s in klass.walk() if s.kind == "function"]
    for scope in dict.fromkeys(scopes):
        for node in scope.of(ast.Call):
            func = node.func
            if not isinstance(func, ast.Attribute) or func.attr not in selfput.ADDERS:
                continue
            if any(matches(type_names(cycle.program, a, scope), [cycle.target_type]) for a in node.args):
                yield place(scope, node, selfput.ADDERS[func.attr], 0.55 * cycle.near(scope))


# -- closures, methods --


def _closures(cycle: Cycle) -> Iterator[Place]:
    """Nested functions that name themselves or each other, or whose cell holds what keeps them: the def line."""
    members = [m for m in cycle.members if m.kind == "function"]
    scopes = members or [s for path in _own_files(cycle.program) for s in _functions(cycle.program, path)]
    names = {m.name for m in members}
    for scope in scopes:
        if scope.parent is None or not in_function(scope.parent):
            continue
        free = free_names(scope)
        loop = {n for n in free if _defines(scope, n)} & (names | {scope.name})
        outer = scope.parent
        if loop:
            yield place(outer, scope.node, "def", 0.95 if members else 0.5, function=outer.name)
        elif members and (cycle.name in free or free):
            yield place(outer, scope.node, "def", 0.85 if cycle.name in free else 0.7, function=outer.name)


def _defines(scope: Scope, name: str) -> bool:
    """Whether a free name is a function (or a lambda's name) of an enclosing function."""
    binder = scope.binder(name)
    bindings = binder.bindings.get(name, ()) if binder is not None else ()
    return any(b.how == "def" or isinstance(b.value, ast.Lambda) for b in bindings)


def _bound_methods(cycle: Cycle) -> Iterator[Place]:
    """`self.x = self.method`, `self.x = cache(self.method)`, `bus.on(self.method)` in the class of the method."""
    klass = find_class(cycle.program, cycle.target_type) or next(
        (m.parent for m in cycle.members if m.parent is not None and m.parent.kind == "class"), None
    )
    if klass is None:
        return
    names = {m.name for m in cycle.members}
    scopes = [s for k in [klass] + cycle.program.bases(klass) for s in k.walk() if s.kind == "function"]
    for scope in scopes:
        for node in scope.of(ast.Assign, ast.Call):
            value = node.value if isinstance(node, ast.Assign) else node
            method = _mentions_method(cycle.program, value, klass, scope)
            if not method:
                continue
            known = 1.0 if method in names else 0.85
            if isinstance(node, ast.Assign):
                kept = any(isinstance(t, (ast.Attribute, ast.Subscript)) for t in node.targets)
                if kept:
                    yield place(scope, node, "assign", 0.9 * known)
            else:
                yield place(scope, node, "register", 0.6 * known)


def _mentions_method(program: Program, value: ast.expr, klass: Scope, scope: Scope) -> str:
    """The method of the class that a value is, or that a call is given; "" if none."""
    parts = [value]
    if isinstance(value, ast.Call):
        parts = list(value.args) + [k.value for k in value.keywords]
    methods = {
        s.name
        for k in [klass] + program.bases(klass)
        for s in k.children
        if s.kind == "function" and not is_property(s)
    }
    for part in parts:
        if (
            isinstance(part, ast.Attribute)
            and isinstance(part.value, ast.Name)
            and part.attr in methods
            and self_class(part.value.id, scope) is not None
        ):
            return part.attr
    return ""


# -- classes --


def _classes(cycle: Cycle) -> Iterator[Place]:
    """Class statements in functions, and calls that make a class."""
    for member in cycle.members:
        here: Optional[Scope] = member
        while here is not None and here.kind != "module":
            if here.kind == "class" and in_function(here):
                outer = here.parent
                while outer is not None and outer.kind == "class":
                    outer = outer.parent
                yield place(outer or here, here.node, "class", 0.95)
            here = here.parent
    names = {short(t) for t in [cycle.source_type, cycle.target_type] + cycle.types}
    homes = [klass.source.path for t in cycle.types for klass in [find_class(cycle.program, t)] if klass is not None]
    paths = list(dict.fromkeys([m.source.path for m in cycle.members] + homes + _own_files(cycle.program)))
    for path in paths:
        source = cycle.program.source(path)
        for scope in source.scopes if source is not None else ():
            if not in_function(scope):
                continue
            for node in scope.of(ast.ClassDef):
                yield place(scope, node, "class", (0.9 if node.name in names else 0.6) * cycle.near(scope))
            for node in scope.of(ast.Call):
                if _makes_class(node):
                    yield place(scope, node, "call", 0.7 * cycle.near(scope))
    if not cycle.members and not homes:
        yield from _library_makers(cycle)


def _makes_class(node: ast.Call) -> bool:
    maker = dotted(node.func).rpartition(".")[2]
    return maker in _CLASS_MAKERS and (maker != "type" or len(node.args) == 3)


def _library_makers(cycle: Cycle) -> Iterator[Place]:
    """Calls in libraries that make a class, where nothing says which class it is: those that the program leads to."""
    program, traced = cycle.program, 0
    paths = [p for p in program.files if program.is_library(p) and _MAKER.search(program.text(p))]
    for path in sorted(paths, key=lambda p: (program.is_standard(p), not program.uses(p))):
        if traced >= _MAX_MAKERS:
            return
        source = program.source(path)
        for scope in source.scopes if source is not None else ():
            for node in scope.of(ast.Call) if in_function(scope) else ():
                if _makes_class(node) and traced < _MAX_MAKERS:
                    traced += 1
                    ways = callers.find(program, scope, cycle.frames, 2)
                    if ways:
                        yield place(scope, node, "call", 0.6 * ways[0].confidence)
                    for caller in ways:
                        yield place(caller.scope, caller.node, "call", 0.5 * caller.confidence, level=caller.level)


# -- native types --


def _native_calls(cycle: Cycle, bases: object) -> Iterator[Place]:
    """The program's calls into the package of a type that no source defines: its native code ties the objects together."""
    heads: Set[str] = set()
    makers = {short(cycle.source_type), short(cycle.target_type)}
    for name in (cycle.source_type, cycle.target_type):
        listed = bases.get(name) if isinstance(bases, dict) else None
        if find_class(cycle.program, name) is not None:
            continue
        for base in [name] + texts(listed):
            module = base.rpartition(".")[0]
            if module and module != "builtins" and find_class(cycle.program, base) is None:
                heads.add(module.partition(".")[0].lstrip("_"))
    for path in cycle.program.candidates(sorted(heads)) if heads else ():
        source = cycle.program.source(path) if not cycle.program.is_library(path) else None
        for scope in source.scopes if source is not None else ():
            for node in scope.of(ast.Call):
                target = scope.source.imports.get(dotted(node.func).partition(".")[0])
                if target is not None and target.module.partition(".")[0].lstrip("_") in heads:
                    once = 1.0 if in_function(scope) else 0.4
                    maker = dotted(node.func).rpartition(".")[2] in makers
                    yield place(scope, node, "call", (0.6 if maker else 0.5) * once * cycle.near(scope))


# -- what is left --


def _fallback(cycle: Cycle) -> Iterator[Place]:
    """The def line of a function in the cycle, else the class line of one of its types."""
    for member in cycle.members:
        if member.kind == "function":
            outer = member.parent or member
            yield place(outer, member.node, "def", 0.3, function=member.name, qualname=member.qualname)
    for name in [cycle.source_type, cycle.target_type] + cycle.types:
        klass = find_class(cycle.program, name)
        if klass is not None:
            yield place(klass.parent or klass, klass.node, "class", 0.2)


def find_class(program: Program, type_name: str) -> Optional[Scope]:
    """The class statement of a qualified type name."""
    parts = type_name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        path = program.module_file(".".join(parts[:cut]))
        source = program.source(path) if path else None
        found = source.classes(".".join(parts[cut:])) if source is not None else []
        if found:
            return found[0]
    return None


def _own_files(program: Program) -> List[str]:
    return [p for p in program.files if not program.is_library(p)][:200]


def _functions(program: Program, path: str) -> List[Scope]:
    source = program.source(path)
    return [s for s in source.scopes if s.kind == "function"] if source is not None else []


def _lead_there(cycle: Cycle, best: Place) -> List[Place]:
    """The program's own calls that lead to a line in a library."""
    path, line = best["file"], best["line"]
    source = cycle.program.source(path)
    if not cycle.program.is_library(path) or source is None or not isinstance(line, int):
        return []
    scope = source.function_at(line)
    found = []
    for caller in callers.find(cycle.program, scope, cycle.frames, 2):
        score = 0.8 * best["score"] * caller.confidence
        found.append(place(caller.scope, caller.node, "call", score, level=caller.level))
    return found
