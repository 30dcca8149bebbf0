"""All places that change a holder's container, by what they do: add, remove, replace it whole, or make it."""

import ast
import builtins
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

from .holder import Level, Tracker
from .settled import CACHE_WRAPPER
from .syntax import Scope, constant_text, dotted, in_function

ADD, REMOVE, REPLACE, INIT = "add", "remove", "replace", "init"

STORING = {
    "append": "append",
    "appendleft": "appendleft",
    "insert": "insert",
    "extend": "extend",
    "extendleft": "extend",
    "add": "add",
    "update": "update",
    "setdefault": "setdefault",
    "put": "put",
    "put_nowait": "put",
    "__setitem__": "setitem",
    "__iadd__": "extend",
    "__ior__": "update",
    "symmetric_difference_update": "update",
    "write": "extend",
    "writelines": "extend",
}
_ADDING_PREFIXES = (
    "add",
    "append",
    "push",
    "put",
    "insert",
    "register",
    "store",
    "remember",
    "subscribe",
    "connect",
    "attach",
    "set",
    "on",
    "enqueue",
    "submit",
    "send",
)
REMOVING = {
    "pop": "pop",
    "popitem": "popitem",
    "popleft": "popleft",
    "remove": "remove",
    "discard": "discard",
    "clear": "clear",
    "get_nowait": "pop",
    "__delitem__": "del",
    "difference_update": "discard",
    "intersection_update": "discard",
    "truncate": "slice",
}
_REMOVING_PREFIXES = (
    "remove",
    "delete",
    "unregister",
    "unsubscribe",
    "disconnect",
    "detach",
    "evict",
    "expire",
    "discard",
    "prune",
    "purge",
)
_ARGUMENT_ADDS = {"heappush": "append", "insort": "insert", "insort_left": "insert", "insort_right": "insert"}
_ARGUMENT_REMOVES = {"heappop": "pop"}
_BUILTIN = frozenset(
    "list dict set frozenset deque bytearray defaultdict OrderedDict Counter SimpleQueue Queue LifoQueue PriorityQueue StringIO BytesIO".split()
)
_EMPTY_CALLS = _BUILTIN | {
    "WeakSet",
    "WeakKeyDictionary",
    "WeakValueDictionary",
    "ChainMap",
    "array",
    "tuple",
    "str",
    "bytes",
}


class Mutation(NamedTuple):
    """One place that changes the container."""

    effect: str  # ADD, REMOVE, REPLACE, INIT
    operation: str  # as in docs/questions.md
    node: Any  # statement or call
    scope: Scope
    confidence: float  # that it is this container
    weight: float  # that the operation makes it grow (or shrink)
    value: Optional[ast.expr] = None  # what is stored
    key: Optional[ast.expr] = None
    spread: bool = False  # `value` is a collection of what is stored


def removes_by_name(name: str) -> bool:
    """Whether a method's name says that it takes entries out."""
    return name in REMOVING or name.lstrip("_").startswith(_REMOVING_PREFIXES)


def scan(tracker: Tracker) -> List[Mutation]:
    """Every change of the container in the tracker's files, in file order."""
    if tracker.changes is not None:
        return tracker.changes
    found: List[Mutation] = []
    for source in tracker.sources:
        for scope in source.scopes:
            found.extend(_Scan(tracker, scope).all())
    tracker.changes = found
    return found


class _Scan:
    """The changes in one scope."""

    def __init__(self, tracker: Tracker, scope: Scope) -> None:
        self.tracker = tracker
        self.scope = scope
        self.final = tracker.final
        self.container = tracker.container.rpartition(".")[2]

    def all(self) -> Iterator[Mutation]:
        for node in self.scope.of(ast.Assign):
            for target in node.targets:
                yield from self._assign(target, node.value, node)
        for node in self.scope.of(ast.AnnAssign, ast.NamedExpr):
            if node.value is not None:
                yield from self._assign(node.target, node.value, node)
        for node in self.scope.of(ast.AugAssign):
            yield from self._augmented(node)
        for node in self.scope.of(ast.Delete):
            for target in node.targets:
                yield from self._delete(target, node)
        for node in self.scope.of(ast.Call):
            yield from self._call(node)
        for node in self.scope.of(ast.Attribute):
            yield from self._handed_out(node)
        if self.container == "defaultdict":
            for node in self.scope.of(ast.Subscript):
                yield from self._reading_insert(node)

    def _container(self, expr: ast.expr) -> Optional[float]:
        """Confidence that an expression is the container itself."""
        found = self.tracker.level(expr, self.scope)
        if (
            found is None
            and self.tracker.container_classes
            and isinstance(expr, ast.Call)
            and dotted(expr.func) == "super"
        ):
            klass = self.scope.enclosing_class()
            if klass is not None and any(klass is c for c in self.tracker.container_classes):
                return 0.75
        if found is None:
            return None
        if found[0] == self.final:
            return found[1]
        # `X[k] = v` of an object that keeps its entries in an attribute of its own (X.data): the same store, seen from outside.
        wrapped = found[0] == self.final - 1 and self.tracker.steps[-1].name not in ("", "__dict__")
        return found[1] * 0.8 if wrapped else None

    def _at(
        self, effect: str, operation: str, node: ast.AST, confidence: float, weight: float, **parts: Any
    ) -> Mutation:
        return Mutation(effect, operation, node, self.scope, confidence, weight, **parts)

    # -- assignments --

    def _assign(self, target: ast.expr, value: ast.expr, node: ast.AST) -> Iterator[Mutation]:
        if isinstance(target, (ast.Tuple, ast.List)):
            values = (
                value.elts if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts) else None
            )
            for k, part in enumerate(target.elts):
                if values is not None:
                    yield from self._assign(part, values[k], node)
                elif isinstance(part, ast.Subscript):
                    yield from self._set_item(part, None, node)
            return
        if isinstance(target, ast.Subscript):
            yield from self._set_item(target, value, node)
        whole = self.tracker.target_level(target, self.scope)
        if whole is not None:
            yield from self._assign_whole(whole, value, node)

    def _set_item(self, target: ast.Subscript, value: Optional[ast.expr], node: ast.AST) -> Iterator[Mutation]:
        near = self._container(target.value)
        if near is None:
            return
        if isinstance(target.slice, ast.Slice):
            if value is not None and _is_empty(value):
                yield self._at(REMOVE, "slice", node, near, 1.0)
            else:
                yield self._at(ADD, "extend", node, near, 0.8, value=value, spread=True)
            return
        key = target.slice
        fixed = isinstance(key, ast.Constant) or self._is_builtin(key)
        yield self._at(ADD, "setitem", node, near, 0.6 if fixed else 1.0, value=value, key=key)

    def _is_builtin(self, key: ast.expr) -> bool:
        """A name that nothing in the file gives a value: always the same object."""
        if not isinstance(key, ast.Name):
            return False
        binder = self.scope.binder(key.id)
        return binder is self.scope.source.module and key.id not in binder.bindings and hasattr(builtins, key.id)

    def _assign_whole(self, whole: Level, value: ast.expr, node: ast.AST) -> Iterator[Mutation]:
        level, near = whole
        first = not in_function(self.scope) or self.scope.name in (
            "__init__",
            "__new__",
            "__post_init__",
            "__setstate__",
        )
        if level < self.final or _is_empty(value):
            if level == self.final and not first:
                yield self._at(REMOVE, "assign", node, near, 1.0)
            else:
                yield self._at(INIT, "assign", node, near, 0.3 if level == self.final else 0.15, value=value)
        elif (
            isinstance(value, ast.Subscript)
            and isinstance(value.slice, ast.Slice)
            and self._container(value.value) is not None
        ):
            yield self._at(REMOVE, "slice", node, near, 1.0)
        elif isinstance(value, (ast.ListComp, ast.SetComp, ast.DictComp)) and self._rebuilds(value):
            yield self._at(REMOVE, "assign", node, near, 1.0)
        elif self._extends(value):
            yield self._at(ADD, "extend", node, near, 0.9, value=_added_part(value), spread=True)
        elif isinstance(value, ast.Constant):
            yield self._at(INIT, "assign", node, near, 0.1)
        else:
            wrapped = isinstance(value, ast.Call) and self.container == CACHE_WRAPPER
            yield self._at(
                INIT if first and not wrapped else REPLACE,
                "decorate" if wrapped else "assign",
                node,
                near,
                0.9 if wrapped else 0.45,
                value=value,
                spread=True,
            )

    def _rebuilds(self, value: Union[ast.ListComp, ast.SetComp, ast.DictComp]) -> bool:
        """A comprehension over the container itself that leaves some out."""
        for part in value.generators:
            names = [n for n in ast.walk(part.iter) if isinstance(n, (ast.Name, ast.Attribute))]
            if part.ifs and any(self._container(n) is not None for n in names):
                return True
        return False

    def _extends(self, value: ast.expr) -> bool:
        """`X + more`, `X | more`, `[*X, v]`, `{**X, k: v}`."""
        parts: List[ast.expr] = []
        if isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Add, ast.BitOr)):
            parts = [value.left, value.right]
        elif isinstance(value, (ast.List, ast.Tuple, ast.Set)):
            parts = [e.value for e in value.elts if isinstance(e, ast.Starred)]
        elif isinstance(value, ast.Dict):
            parts = [v for k, v in zip(value.keys, value.values) if k is None]
        return any(self._container(p) is not None for p in parts)

    def _augmented(self, node: ast.AugAssign) -> Iterator[Mutation]:
        if isinstance(node.target, ast.Subscript):
            near = self._container(node.target.value)
            if near is not None:
                yield self._at(ADD, "setitem", node, near, 0.6, value=node.value, key=node.target.slice)
        near = self._container(node.target)
        if near is None:
            return
        if isinstance(node.op, ast.Add):
            yield self._at(ADD, "extend", node, near, 1.0, value=node.value, spread=True)
        elif isinstance(node.op, ast.BitOr):
            yield self._at(ADD, "update", node, near, 1.0, value=node.value, spread=True)
        elif isinstance(node.op, (ast.Sub, ast.BitAnd)):
            yield self._at(REMOVE, "discard", node, near, 1.0)

    def _delete(self, target: ast.expr, node: ast.AST) -> Iterator[Mutation]:
        if isinstance(target, (ast.Tuple, ast.List)):
            for part in target.elts:
                yield from self._delete(part, node)
            return
        if isinstance(target, ast.Subscript):
            near = self._container(target.value)
            if near is not None:
                yield self._at(REMOVE, "slice" if isinstance(target.slice, ast.Slice) else "del", node, near, 1.0)
                return
        whole = self.tracker.target_level(target, self.scope)
        if whole is not None and whole[0] <= self.final:
            yield self._at(REMOVE, "del", node, whole[1], 0.8)

    # -- calls --

    def _call(self, node: ast.Call) -> Iterator[Mutation]:
        func = node.func
        if isinstance(func, ast.Attribute):
            near = self._container(func.value)
            if near is not None:
                yield from self._method(func.attr, node, near, list(node.args))
                return
            if isinstance(func.value, ast.Name) and func.value.id in _BUILTIN and node.args:  # list.append(X, v)
                near = self._container(node.args[0])
                if near is not None:
                    yield from self._method(func.attr, node, near, list(node.args[1:]))
                    return
        elif isinstance(func, ast.Name):
            bound = self._bound_method(func.id)
            if bound is not None:
                yield from self._method(bound[0], node, bound[1], list(node.args))
                return
        yield from self._argument_call(node)

    def _argument_call(self, node: ast.Call) -> Iterator[Mutation]:
        """Functions that change a container given to them: heappush(X, v), operator.setitem(X, k, v), setattr(x, name, v)."""
        name = dotted(node.func).rpartition(".")[2]
        if name == "setattr" and len(node.args) == 3:
            if constant_text(node.args[1]) is None:
                found = self.tracker.dict_level(node.args[0], self.scope)
                if found is not None and found[0] == self.final:
                    yield self._at(ADD, "setattr", node, found[1], 1.0, value=node.args[2], key=node.args[1])
            else:
                probe = ast.Attribute(value=node.args[0], attr=constant_text(node.args[1]) or "", ctx=ast.Store())
                whole = self.tracker.target_level(probe, self.scope)
                if whole is not None and whole[0] <= self.final:
                    yield self._at(REPLACE, "setattr", node, whole[1], 0.45, value=node.args[2], spread=True)
            return
        if not node.args:
            return
        if name in _ARGUMENT_ADDS or name in _ARGUMENT_REMOVES:
            near = self._container(node.args[0])
            if near is not None and name in _ARGUMENT_ADDS:
                yield self._at(
                    ADD, _ARGUMENT_ADDS[name], node, near, 1.0, value=node.args[1] if len(node.args) > 1 else None
                )
            elif near is not None:
                yield self._at(REMOVE, _ARGUMENT_REMOVES[name], node, near, 1.0)
        elif name in ("setitem", "delitem") and dotted(node.func).startswith("operator"):
            near = self._container(node.args[0])
            if near is not None and name == "setitem" and len(node.args) == 3:
                yield self._at(ADD, "setitem", node, near, 1.0, value=node.args[2], key=node.args[1])
            elif near is not None:
                yield self._at(REMOVE, "del", node, near, 1.0)

    def _method(self, name: str, node: ast.Call, near: float, args: List[ast.expr]) -> Iterator[Mutation]:
        operation = STORING.get(name)
        custom = self.container not in _BUILTIN
        if operation is not None:
            value, key, spread = _stored(operation, node, args)
            weight = 0.7 if operation == "setdefault" and isinstance(key, ast.Constant) else 1.0
            yield self._at(ADD, operation, node, near, weight, value=value, key=key, spread=spread)
        elif name in REMOVING:
            yield self._at(REMOVE, REMOVING[name], node, near, 1.0)
        elif name == "get" and "Queue" in self.container:
            yield self._at(REMOVE, "pop", node, near, 1.0)
        elif custom and name.lstrip("_").startswith(_REMOVING_PREFIXES):
            yield self._at(REMOVE, "remove", node, near, 0.7)
        elif custom and name.lstrip("_").startswith(_ADDING_PREFIXES):
            operation = (
                "register"
                if name.lstrip("_").startswith(("register", "subscribe", "connect", "attach", "on", "add"))
                else "call"
            )
            yield self._at(ADD, operation, node, near, 0.6, value=args[-1] if args else None)

    def _bound_method(self, name: str) -> Optional[Tuple[str, float]]:
        """`push = X.append`: the method and the confidence that it is the container's."""
        binder = self.scope.binder(name)
        for binding in binder.bindings.get(name, ()) if binder is not None else ():
            if (
                binding.how == "assign"
                and isinstance(binding.value, ast.Attribute)
                and binding.value.attr in {**STORING, **REMOVING}
            ):
                found = self.tracker.level(binding.value.value, binder or self.scope)
                if found is not None and found[0] == self.final:
                    return binding.value.attr, found[1] * 0.95
        return None

    def _handed_out(self, node: ast.Attribute) -> Iterator[Mutation]:
        """`subscribe(X.append)`: whoever gets the method adds entries."""
        if node.attr not in STORING or not isinstance(node.ctx, ast.Load):
            return
        near = self._container(node.value)
        if near is None:
            return
        parent = self.scope.source.parents.get(node)
        called = isinstance(parent, ast.Call) and parent.func is node
        if not called and not isinstance(parent, (ast.Assign, ast.Attribute)):
            yield self._at(ADD, STORING[node.attr], node, near, 0.6)

    def _reading_insert(self, node: ast.Subscript) -> Iterator[Mutation]:
        """A read of a defaultdict puts an entry in."""
        if not isinstance(node.ctx, ast.Load) or isinstance(node.slice, (ast.Slice, ast.Constant)):
            return
        near = self._container(node.value)
        if near is not None:
            parent = self.scope.source.parents.get(node)
            used_to_add = isinstance(parent, ast.Attribute) and parent.attr in STORING
            yield self._at(ADD, "setitem", node, near, 0.9 if used_to_add else 0.5, key=node.slice)


def _stored(
    operation: str, node: ast.Call, args: List[ast.expr]
) -> Tuple[Optional[ast.expr], Optional[ast.expr], bool]:
    """What a method stores: value, key, and whether the value is a collection of what is stored."""
    if operation in ("setitem", "setdefault"):
        return (args[1] if len(args) > 1 else None), (args[0] if args else None), False
    if operation == "insert":
        return (args[1] if len(args) > 1 else None), None, False
    if operation in ("extend", "update"):
        named: Dict[str, ast.expr] = {k.arg: k.value for k in node.keywords if k.arg}
        if not args and named:
            return next(iter(named.values())), None, False
        return (args[0] if args else None), None, True
    return (args[0] if args else None), None, False


def _added_part(value: ast.expr) -> Optional[ast.expr]:
    return value.right if isinstance(value, ast.BinOp) else None


def _is_empty(value: ast.expr) -> bool:
    """An empty literal, an empty container's constructor, or None."""
    if isinstance(value, (ast.List, ast.Tuple, ast.Set)):
        return not value.elts
    if isinstance(value, ast.Dict):
        return not value.keys
    if isinstance(value, ast.Constant):
        return value.value is None or value.value in ("", b"")
    if isinstance(value, ast.Call):
        name = dotted(value.func).rpartition(".")[2]
        if name in ("defaultdict", "deque", "Queue", "LifoQueue", "PriorityQueue", "array"):
            return len(value.args) <= 1 and not any(isinstance(a, ast.Name) and name == "deque" for a in value.args)
        return name in _EMPTY_CALLS and not value.args
    return False
