"""Call sites of a function, found by name, one level of callers after the other up to the program's own code."""

import ast
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set

from .kinds import UNKNOWN, self_class, type_names
from .places import Frames
from .program import Program
from .syntax import Scope, Source, dotted

_LEVELS = 5
_FLOOR = 0.12  # callers below are not followed
_TOLD = 0.25  # callers below are not told
_FILES_A_LEVEL = 24
_FAR_FILES = 8
_NEW_FILES = 16  # library files parsed for one function
_NAMES_A_LEVEL = 24
_COMMON = frozenset(
    "get set add put pop append insert update remove close open read write run call start stop next send clear copy items keys values main wrapper inner".split()
)
_CONSTRUCTORS = ("__init__", "__new__", "__post_init__")


class Caller(NamedTuple):
    """One call: how many levels above the function it is, and how sure it reaches it."""

    scope: Scope
    node: Any  # the call or decorator
    level: int
    confidence: float
    decorator: bool


def names_of(scope: Scope) -> List[str]:
    """Names by which calls reach a function: its own, its class's for constructors, its maker's if it is nested."""
    names: List[str] = []
    here: Optional[Scope] = scope
    for _ in range(3):
        if here is None or here.kind == "module":
            break
        if (
            here.kind == "function"
            and here.name in _CONSTRUCTORS + ("__call__", "__enter__")
            and here.parent is not None
        ):
            names.append(here.parent.name)
        elif here.kind == "function" and not here.name.startswith("__") and here.name != "<lambda>":
            names.append(here.name)
        parent = here.parent
        if parent is None or parent.kind != "function" or not _runs_or_gives(parent, here.name):
            break
        here = parent
    return names


def _runs_or_gives(maker: Scope, name: str) -> bool:
    """Whether a function calls, returns or hands on one that is nested in it. If it only hangs it on something, calls
    of the outer one say nothing of when the inner one runs."""
    if name == "<lambda>":
        return True
    for node in maker.of(ast.Call, ast.Return, ast.Yield):
        parts = (
            [node.func] + node.args + [k.value for k in node.keywords] if isinstance(node, ast.Call) else [node.value]
        )
        for part in parts:
            if part is not None and any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(part)):
                return True
    return any(
        child.name == name and child.node.decorator_list
        for child in maker.children
        if child.kind == "function" and not isinstance(child.node, ast.Lambda)
    )


def find(program: Program, start: Scope, frames: Frames, limit: int = 4) -> List[Caller]:
    """Calls in the program's own code that lead to `start`, nearest level first, those seen running before others."""
    targets: Dict[str, List[Scope]] = {name: [start] for name in names_of(start)}
    home = program.package(start.source.path)
    seen: Set[int] = {id(start)}
    found: List[Caller] = []
    confidence = 1.0
    new_files = 0
    for level in range(1, _LEVELS + 1):
        above: Dict[str, List[Scope]] = {}
        for path in _files(program, targets, home):
            if not program.parsed(path) and program.is_library(path):
                if new_files >= _NEW_FILES:
                    continue
                new_files += 1
            source = program.source(path)
            for caller in _calls(program, source, targets, level, confidence) if source is not None else ():
                if caller.scope is start:
                    continue
                if not program.is_library(path):
                    found.append(caller)
                elif len(above) < _NAMES_A_LEVEL and id(caller.scope) not in seen and caller.confidence >= _FLOOR:
                    seen.add(id(caller.scope))
                    for name in names_of(caller.scope):
                        above.setdefault(name, []).append(caller.scope)
        if found and (level > 1 or not program.is_library(start.source.path)):
            break
        if found and any(c.confidence >= 0.7 for c in found):
            break
        targets = above
        confidence *= 0.85
        if not targets:
            break
    found.sort(
        key=lambda c: (-rank(c, frames), c.scope.source.path != program.main_file, c.scope.source.path, c.node.lineno)
    )
    return [c for c in found if c.confidence >= _TOLD][:limit]


def rank(caller: Caller, frames: Frames) -> float:
    """How likely this call is the way that is taken: it reaches the function, it runs, it runs more than once."""
    line = caller.node.lineno
    running = frames.factor(caller.scope, line)
    if frames and running < 0.98:
        running *= 0.6
    once = caller.scope.kind == "module" and running < 0.98
    return caller.confidence * running * (0.5 if once and not caller.decorator else 1.0)


def _files(program: Program, targets: Dict[str, List[Scope]], home: str) -> Iterator[str]:
    """Files that can call one of the names: the program's own, the package's, and libraries that mention the package."""
    package = home.rpartition("/")[2].partition(".")[0]
    mentions = set(program.files_with(package))
    own: List[str] = []
    near: List[str] = []
    far: List[str] = []
    for path in dict.fromkeys(p for name in targets for p in program.files_with(name)):
        if not program.is_library(path):
            own.append(path)
        elif program.package(path) == home:
            near.append(path)
        elif path in mentions:
            far.append(path)
    yield from own + (near + far[:_FAR_FILES])[:_FILES_A_LEVEL]


def _calls(
    program: Program, source: Source, targets: Dict[str, List[Scope]], level: int, confidence: float
) -> Iterator[Caller]:
    for scope in source.scopes:
        for node in scope.of(ast.Call):
            near = _reaches(program, node.func, scope, targets)
            if near:
                yield Caller(scope, node, level, confidence * near, False)
            for arg in list(node.args) + [k.value for k in node.keywords]:
                handed = _reaches(program, arg, scope, targets) if isinstance(arg, (ast.Name, ast.Attribute)) else 0.0
                if handed >= 0.7:  # the function itself is handed on, to be called by somebody else
                    yield Caller(scope, node, level, confidence * handed * 0.6, False)
        for child in scope.children:
            for decorator in getattr(child.node, "decorator_list", ()):
                inner = decorator.func if isinstance(decorator, ast.Call) else decorator
                near = _reaches(program, inner, scope, targets)
                if near:
                    yield Caller(scope, decorator, level, confidence * near, True)


def _reaches(program: Program, func: ast.expr, scope: Scope, targets: Dict[str, List[Scope]]) -> float:
    """How sure a called expression is one of the targets."""
    if isinstance(func, ast.Name):
        name = func.id
        imported = scope.source.imports.get(name)
        wanted = targets.get(imported.name if imported is not None and imported.name in targets else name)
        if not wanted:
            return 0.0
        target = program.definition(scope, name)
        if target is None:
            return 0.5 if imported is not None else 0.0
        return 1.0 if _is_one(target, wanted) else 0.0
    if not isinstance(func, ast.Attribute) or func.attr not in targets:
        return 0.0
    wanted = targets[func.attr]
    if isinstance(func.value, ast.Name):
        klass = self_class(func.value.id, scope)
        if klass is not None:
            family = {id(klass)} | {id(b) for b in program.bases(klass)}
            return 0.95 if any(w.parent is not None and id(w.parent) in family for w in wanted) else 0.05
    target = program.definition(scope, dotted(func)) if dotted(func) else None
    if target is not None:
        return 1.0 if _is_one(target, wanted) else 0.0
    return _method_reaches(program, func, scope, wanted)


def _method_reaches(program: Program, func: ast.Attribute, scope: Scope, wanted: Sequence[Scope]) -> float:
    """`x.name(...)` for a method `name`: by the type of x, else by how telling the name is."""
    classes = {w.parent.name for w in wanted if w.parent is not None and w.parent.kind == "class"}
    makers = {w.name for w in wanted if w.kind == "class"} | {
        w.parent.name for w in wanted if w.name in _CONSTRUCTORS and w.parent is not None
    }
    head = dotted(func.value).partition(".")[0]
    if head in scope.source.imports and scope.binder(head) is not None and head in scope.source.module.bindings:
        # An attribute of an imported module that is not defined there by name: re-exported, or an object's method.
        return 0.6 if _mentions(program, scope.source, head, wanted) else 0.1
    types = type_names(program, func.value, scope, 1) - {"NoneType"}
    if types & (classes | makers):
        return 0.95
    families = {id(w.parent) for w in wanted if w.parent is not None}
    for name in types:
        if any(id(b) in families for klass in program.parsed_classes(name) for b in program.bases(klass)):
            return 0.95
    if UNKNOWN in types:
        types = set()
    if types & {"str", "bytes", "list", "dict", "set", "tuple", "int", "deque"}:
        return 0.0
    return (0.35 if types else 0.55) * (0.6 if func.attr in _COMMON else 1.0)


def _mentions(program: Program, source: Source, name: str, wanted: Sequence[Scope]) -> bool:
    path, _ = program.resolve_import(source, name)
    return path is not None and any(program.package(path) == program.package(w.source.path) for w in wanted)


def _is_one(target: Scope, wanted: Sequence[Scope]) -> bool:
    for want in wanted:
        if target is want or (want.parent is not None and want.name in _CONSTRUCTORS and target is want.parent):
            return True
        here: Optional[Scope] = want
        while here is not None:  # a function nested in the one that is called
            if here is target:
                return True
            here = here.parent if here.parent is not None and here.parent.kind == "function" else None
    return False
