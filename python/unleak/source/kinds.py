"""Which types an expression can have, as far as the text tells. Names are short ("Session"); an empty set, or UNKNOWN in it,
is "others are possible"."""

import ast
from typing import Callable, FrozenSet, Iterable, Optional, Set

from .program import Program
from .syntax import Scope, constant_text, dotted, free_names

UNKNOWN = "?"
_DEPTH = 5
_SAME = (
    frozenset({"weakref", "ReferenceType", "ref", "KeyedRef"}),
    frozenset({"lock", "LockType", "Lock", "allocate_lock"}),
    frozenset({"RLock", "_RLock"}),
    frozenset({"deque"}),
)
_BUILTIN_CALLS = frozenset(
    "list dict set frozenset tuple str bytes bytearray int float complex bool object range memoryview deque OrderedDict Counter defaultdict".split()
)
_METHOD_RESULTS = {
    "encode": "bytes",
    "decode": "str",
    "join": "str",
    "format": "str",
    "strip": "str",
    "hexdigest": "str",
    "digest": "bytes",
}
_DISPLAYS = {
    ast.List: "list",
    ast.ListComp: "list",
    ast.Tuple: "tuple",
    ast.Dict: "dict",
    ast.DictComp: "dict",
    ast.Set: "set",
    ast.SetComp: "set",
    ast.GeneratorExp: "generator",
    ast.JoinedStr: "str",
    ast.Lambda: "function",
}


def short(type_name: str) -> str:
    """Last part of a qualified type name."""
    return type_name.rpartition(".")[2]


def matches(types: Set[str], wanted: Iterable[str]) -> Optional[bool]:
    """Whether an expression of these types can be one of the wanted ones; None if nothing is known of either."""
    want = {name for full in wanted for name in _synonyms(short(full))}
    if not types or not want:
        return None
    if want & {name for t in types for name in _synonyms(t)}:
        return True
    return None if UNKNOWN in types else False


def _synonyms(name: str) -> FrozenSet[str]:
    for group in _SAME:
        if name in group:
            return group
    return frozenset({name})


def self_class(name: str, scope: Scope) -> Optional[Scope]:
    """The class whose `self` or `cls` a name is in this scope."""
    binder = scope.binder(name)
    if binder is None or binder.kind != "function" or not binder.params or binder.params[0] != name:
        return None
    klass = binder.parent
    if klass is None or klass.kind != "class":
        return None
    decorators = {dotted(d) for d in getattr(binder.node, "decorator_list", ())}
    return None if "staticmethod" in decorators else klass


def method_of(program: Program, klass: Scope, name: str) -> Optional[Scope]:
    """A method by name, looked for in the class and its known ancestors."""
    for scope in [klass] + program.bases(klass):
        own = [s for s in scope.children if s.name == name and s.kind == "function"]
        if own:
            return own[-1]
    return None


def is_property(method: Scope) -> bool:
    """Whether a method is read as an attribute."""
    names = [dotted(d).rpartition(".")[2] for d in getattr(method.node, "decorator_list", ())]
    return any(name.endswith("property") or name in ("getter", "setter") for name in names)


def callee(
    program: Program, func: ast.expr, scope: Scope, within: Optional[Callable[[str], bool]] = None
) -> Optional[Scope]:
    """The function or class that a call reaches: by name, by import (into files that `within` accepts), or as a method of self."""
    if isinstance(func, ast.Attribute):
        if isinstance(func.value, ast.Name):
            klass = self_class(func.value.id, scope)
            if klass is not None:
                return method_of(program, klass, func.attr)
        if isinstance(func.value, ast.Call) and dotted(func.value.func) == "super":
            klass = scope.enclosing_class()
            bases = program.bases(klass) if klass is not None else []
            return method_of(program, bases[0], func.attr) if bases else None
    name = dotted(func)
    return program.definition(scope, name, within) if name else None


def type_names(program: Program, expr: Optional[ast.expr], scope: Scope, depth: int = 0) -> Set[str]:
    """Short names of the types an expression can have."""
    if expr is None or depth > _DEPTH:
        return set()
    display = _DISPLAYS.get(type(expr))
    if display is not None:
        return {display}
    if isinstance(expr, ast.Constant):
        return {type(expr.value).__name__}
    if isinstance(expr, (ast.NamedExpr, ast.Await, ast.Starred)):
        return type_names(program, expr.value, scope, depth + 1)
    if isinstance(expr, ast.IfExp):
        return _any_of(program, [expr.body, expr.orelse], scope, depth)
    if isinstance(expr, ast.BoolOp):
        return _any_of(program, expr.values, scope, depth)
    if isinstance(expr, ast.BinOp):
        return type_names(program, expr.left, scope, depth + 1)
    if isinstance(expr, ast.Call):
        return _call_types(program, expr, scope, depth)
    if isinstance(expr, ast.Name):
        return _name_types(program, expr.id, scope, depth)
    if isinstance(expr, ast.Attribute):
        return _attribute_types(program, expr, scope, depth)
    return set()


def _any_of(program: Program, parts: Iterable[ast.expr], scope: Scope, depth: int) -> Set[str]:
    found: Set[str] = set()
    for part in parts:
        found |= type_names(program, part, scope, depth + 1) or {UNKNOWN}
    return found


def _call_types(program: Program, call: ast.Call, scope: Scope, depth: int) -> Set[str]:
    target = callee(program, call.func, scope)
    if target is not None and target.kind == "class":
        return {target.name}
    if target is not None:
        found: Set[str] = set()
        for node in target.of(ast.Return):
            found |= type_names(program, node.value, target, depth + 2) or {UNKNOWN}
        return found
    name = dotted(call.func).rpartition(".")[2] or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
    if name in _BUILTIN_CALLS or name in {n for group in _SAME for n in group}:
        return {name}
    if name == "cls" or name == "type":
        klass = scope.enclosing_class()
        return {klass.name} if klass is not None and name == "cls" else {"type"} if len(call.args) == 3 else set()
    if isinstance(call.func, ast.Attribute):
        if name in _METHOD_RESULTS:
            return {_METHOD_RESULTS[name]}
        if name == "copy":
            return type_names(program, call.func.value, scope, depth + 1)
    stripped = name.lstrip("_")
    return {name} if stripped[:1].isupper() else set()


def _name_types(program: Program, name: str, scope: Scope, depth: int) -> Set[str]:
    klass = self_class(name, scope)
    if klass is not None:
        return {klass.name}
    binder = scope.binder(name)
    found: Set[str] = set()
    if binder is None:
        return found
    for binding in binder.bindings.get(name, ()):
        if binding.how in ("assign", "with"):
            found |= type_names(program, binding.value, binder, depth + 1) or {UNKNOWN}
        elif binding.how == "param":  # an annotation may name a base, a protocol, anything
            found |= annotation_names(binding.value) | {UNKNOWN}
        elif binding.how == "def":  # a decorator may give anything
            found.add(UNKNOWN if binding.node.decorator_list else "function")
        elif binding.how == "class":
            found.add("type")
        elif binding.how == "except":
            found |= annotation_names(binding.value) | {UNKNOWN}
        else:
            found.add(UNKNOWN)
    return found


def _attribute_types(program: Program, expr: ast.Attribute, scope: Scope, depth: int) -> Set[str]:
    klass = self_class(expr.value.id, scope) if isinstance(expr.value, ast.Name) else None
    if klass is None:
        return set()
    method = method_of(program, klass, expr.attr)
    if method is not None:
        return set() if is_property(method) else {"method"}
    found: Set[str] = set()
    for inner in klass.children:
        for node in inner.of(ast.Assign, ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(
                isinstance(t, ast.Attribute) and t.attr == expr.attr and isinstance(t.value, ast.Name) for t in targets
            ):
                found |= type_names(program, node.value, inner, depth + 2) or {UNKNOWN}
    return found - {"NoneType"}


def annotation_names(expr: Optional[ast.expr]) -> Set[str]:
    """Short names of the classes that an annotation mentions, through Optional, Union, | and quotes."""
    text = constant_text(expr)
    if text is not None:
        try:
            expr = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return set()
    if expr is None:
        return set()
    found: Set[str] = set()
    for node in ast.walk(expr):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
    return found - {"Optional", "Union", "None", "Any", "typing", "object", "t"}


def cell_names(program: Program, function: Scope, container: str) -> Set[str]:
    """Closure variables of a function that can be a container of this type, for a cell whose name is not known."""
    sure: Set[str] = set()
    unsure: Set[str] = set()
    for name in free_names(function):
        binder = function.binder(name) or function
        for binding in binder.bindings.get(name, ()):
            types = type_names(program, binding.value, binder) if binding.how == "assign" else set()
            fits = matches(types, [container])
            if fits:
                sure.add(name)
            elif fits is None and binding.how in ("assign", "param"):
                unsure.add(name)
    return sure or unsure


def assigns(klass: Scope, attr: str) -> bool:
    """Whether a class or one of its methods gives an attribute a value."""
    for method in klass.children:
        for node in method.of(ast.Assign, ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Attribute) and t.attr == attr for t in targets):
                return True
    return attr in klass.bindings
