"""Is a container's length compared with something before it grows?"""

import ast
from typing import Iterator, List, NamedTuple, Optional, Set, Tuple

from .holder import Tracker, tracker_for
from .kinds import callee, self_class
from .mutations import ADD, REMOVE, Mutation, removes_by_name, scan
from .places import Place, place
from .program import Program
from .syntax import Scope, dotted, in_function

_SIZED = {
    "deque": ("maxlen", 1),
    "lru_cache": ("maxsize", 0),
    "Queue": ("maxsize", 0),
    "LifoQueue": ("maxsize", 0),
    "PriorityQueue": ("maxsize", 0),
}
_SIZE_WORDS = ("maxsize", "maxlen", "max_size", "max_len", "capacity", "limit", "max_entries", "size")
_COUNT_WORDS = ("size", "count", "currsize", "length", "used", "total", "num", "n", "len")
_LRU_DEFAULT = 128
_MAX_BODY = 2000
_LEAST_SURE = 0.5  # that it is this container's length; a wrong bound would hide a leak


class Bound(NamedTuple):
    """A comparison of the container's length, or a bounded constructor."""

    scope: Scope
    node: ast.AST
    against: Optional[ast.expr]  # what the length is compared with
    how: str  # evicts, refuses, constructor, trims
    sure: float


def answer(program: Program, question: dict) -> Tuple[Optional[dict], str]:
    """The answer with a literal or an attribute; None where no bound was found."""
    tracker = tracker_for(program, question)
    if not tracker.known:
        return None, "the holder has no name"
    changes = scan(tracker)
    found = list(_constructors(tracker)) + list(_comparisons(tracker, changes)) + list(_trims(tracker, changes))
    found += _inherited(tracker, changes)
    adding = {id(m.scope) for m in changes if m.effect == ADD}
    classes = {
        id(m.scope.enclosing_class()) for m in changes if m.effect == ADD and m.scope.enclosing_class() is not None
    }

    def rank(bound: Bound) -> Tuple[float, int]:
        near = 0.3 if id(bound.scope) in adding else 0.2 if id(bound.scope.enclosing_class()) in classes else 0.0
        return (-(bound.sure + near), getattr(bound.node, "lineno", 0))

    for bound in sorted((b for b in found if b.sure >= _LEAST_SURE), key=rank):
        literal, attribute = value_of(program, bound.against, bound.scope)
        if literal is not None or attribute is not None:
            spot: Place = place(bound.scope, bound.node, bound.how, min(1.0, bound.sure))
            return {"literal": literal, "attribute": attribute, "how": bound.how, "place": spot}, ""
    return None, ""


def value_of(program: Program, expr: Optional[ast.expr], scope: Scope) -> Tuple[Optional[int], Optional[str]]:
    """The number that an expression is, by literals and module constants; and its text if it is a name or attribute."""
    if expr is None:
        return None, None
    if isinstance(expr, ast.UnaryOp) and isinstance(expr.op, ast.USub):
        number, name = value_of(program, expr.operand, scope)
        return number, name
    number = _number(expr)
    if number is not None:
        return number, None
    name = dotted(expr)
    if not name:
        return None, None
    binder = scope.binder(name) if isinstance(expr, ast.Name) else None
    bindings = binder.bindings.get(name, ()) if binder is not None else ()
    if len(bindings) > 1:
        return None, None  # a counter or the like: no bound that stays
    value = bindings[0].value if bindings and bindings[0].how == "assign" else None
    if isinstance(value, ast.Attribute):
        return None, _mangled(dotted(value) or name, scope)
    return (_number(value) if value is not None else None), _mangled(name, scope)


def _mangled(name: str, scope: Scope) -> str:
    """`self.__size` as the attribute is really called: `self._Cache__size`."""
    head, dot, last = name.rpartition(".")
    klass = scope.enclosing_class()
    private = dot and last.startswith("__") and not last.endswith("__") and klass is not None
    return "%s._%s%s" % (head, klass.name.lstrip("_"), last) if private and klass is not None else name


def _number(expr: ast.AST) -> Optional[int]:
    """Small arithmetic of integer literals: 1000, 10 * 1024, 1 << 16."""
    if isinstance(expr, ast.Constant):
        value = expr.value
        plain = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1 << 62
        return int(value) if plain and isinstance(value, (int, float)) else None
    if isinstance(expr, ast.BinOp):
        left, right = (n.value if isinstance(n, ast.Constant) else None for n in (expr.left, expr.right))
        if isinstance(left, int) and isinstance(right, int) and 0 <= left < 1 << 40 and 0 <= right < 1 << 40:
            if isinstance(expr.op, ast.Mult):
                return left * right
            if isinstance(expr.op, ast.LShift) and right < 40:
                return left << right
            if isinstance(expr.op, ast.Pow) and right < 20 and left < 1000:
                return int(left**right)
    return None


# -- bounded by construction --


def _constructors(tracker: Tracker) -> Iterator[Bound]:
    for source in tracker.sources:
        for scope in source.scopes:
            for node in scope.of(ast.Assign, ast.AnnAssign):
                value = node.value
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    whole = tracker.target_level(target, scope) if isinstance(value, ast.Call) else None
                    if whole is not None and whole[0] == tracker.final and whole[1] >= 0.4:
                        against = _size_argument(value)
                        if against is not None:
                            yield Bound(scope, node, against, "constructor", whole[1])
            if (
                scope.kind == "function"
                and scope.name in tracker.names
                and tracker.container.endswith("lru_cache_wrapper")
            ):
                yield from _decorators(scope)


def _decorators(scope: Scope) -> Iterator[Bound]:
    for decorator in getattr(scope.node, "decorator_list", ()):
        call = decorator if isinstance(decorator, ast.Call) else None
        name = dotted(call.func if call is not None else decorator).rpartition(".")[2]
        if name == "lru_cache":
            against = _size_argument(call) if call is not None else None
            unlimited = call is not None and any(
                isinstance(v, ast.Constant) and v.value is None
                for v in list(call.args) + [k.value for k in call.keywords if k.arg == "maxsize"]
            )
            if against is None and not unlimited:
                against = ast.Constant(value=_LRU_DEFAULT)
            if against is not None:
                yield Bound(scope.parent or scope, decorator, against, "constructor", 1.0)


def _size_argument(call: ast.Call) -> Optional[ast.expr]:
    """The size that a constructor is given; of `lru_cache(n)(f)` that of the inner call."""
    if isinstance(call.func, ast.Call):
        call = call.func
    name = dotted(call.func).rpartition(".")[2]
    for keyword in call.keywords:
        if keyword.arg in _SIZE_WORDS and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is None):
            zero = isinstance(keyword.value, ast.Constant) and keyword.value.value == 0 and "Queue" in name
            return None if zero else keyword.value
    spec = _SIZED.get(name)
    if spec is not None and len(call.args) > spec[1]:
        found = call.args[spec[1]]
        return None if isinstance(found, ast.Constant) and found.value in (None, 0) else found
    if spec is None and name.lower().endswith("cache") and call.args and _number(call.args[0]) is not None:
        return call.args[0]
    return None


# -- bounded by code --


def _comparisons(tracker: Tracker, changes: List[Mutation]) -> Iterator[Bound]:
    """Comparisons of the length whose branch removes entries, leaves without adding, or alone adds."""
    for source in tracker.sources:
        for scope in source.scopes:
            for node in scope.of(ast.Compare):
                against, above, sure = _length_compare(tracker, node, scope)
                if against is None:
                    continue
                branch = _branch(scope, node)
                if branch is None:
                    continue
                effect = _effect(tracker, scope, branch, above, changes)
                if effect:
                    yield Bound(scope, node, against, effect, sure)


def _inherited(tracker: Tracker, changes: List[Mutation]) -> Iterator[Bound]:
    """The bound of a base class in the method that adds here, or that the class extends to add here as well.

    `__setitem__` of the base keeps its own count below a size by `self.popitem()`, and what is added is removed in a
    method that removes by its name.
    """
    for klass in tracker.classes:
        line = [klass] + tracker.program.bases(klass)
        own = [m for m in changes if any(m.scope.enclosing_class() is c for c in line)]
        adders = {m.scope.name for m in own if m.effect == ADD}
        if not any(m.effect == REMOVE and removes_by_name(m.scope.name) for m in own):
            continue
        for base in line[1:]:
            for scope in base.source.scopes:
                if scope.name not in adders or scope.parent is not base:
                    continue
                for node in scope.of(ast.Compare):
                    against, branch = _counter_compare(node), _branch(scope, node)
                    if against is not None and branch is not None and _calls_own_remover(branch.body, scope):
                        yield Bound(scope, node, against, "evicts", _LEAST_SURE)


def _counter_compare(node: ast.Compare) -> Optional[ast.expr]:
    """What a count in an attribute is compared with: `self.count + new > limit`."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Gt, ast.GtE)):
        return None
    left = node.left.left if isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.Add) else node.left
    if not isinstance(left, ast.Attribute) or dotted(left.value) != "self":
        return None
    return node.comparators[0] if _names_a_count(left.attr) else None


def _calls_own_remover(body: List[ast.stmt], scope: Scope) -> bool:
    """`self.popitem()` among these statements."""
    for statement in body:
        for node in ast.walk(statement):
            func = node.func if isinstance(node, ast.Call) else None
            if isinstance(func, ast.Attribute) and removes_by_name(func.attr) and isinstance(func.value, ast.Name):
                if self_class(func.value.id, scope) is not None:
                    return True
    return False


def _trims(tracker: Tracker, changes: List[Mutation]) -> Iterator[Bound]:
    """`del X[:-100]`, `X = X[-100:]`: what is left has a known length."""
    for mutation in changes:
        if mutation.effect != REMOVE or mutation.operation != "slice" or not in_function(mutation.scope):
            continue
        for node in ast.walk(mutation.node):
            if not isinstance(node, ast.Slice):
                continue
            keeps_end = node.upper if isinstance(mutation.node, ast.Delete) and node.lower is None else node.lower
            if isinstance(keeps_end, ast.UnaryOp) and isinstance(keeps_end.op, ast.USub):
                yield Bound(mutation.scope, mutation.node, keeps_end.operand, "trims", mutation.confidence)
            elif isinstance(mutation.node, ast.Delete) and node.upper is None and node.lower is not None:
                yield Bound(mutation.scope, mutation.node, node.lower, "trims", mutation.confidence)


def _length_compare(tracker: Tracker, node: ast.Compare, scope: Scope) -> Tuple[Optional[ast.expr], bool, float]:
    """What the length is compared with, whether the test is true above it, and how sure it is this container's length."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Gt, ast.GtE, ast.Lt, ast.LtE, ast.Eq)):
        return None, False, 0.0
    left, right = node.left, node.comparators[0]
    greater = isinstance(node.ops[0], (ast.Gt, ast.GtE, ast.Eq))
    for length, other, above in ((left, right, greater), (right, left, not greater or isinstance(node.ops[0], ast.Eq))):
        sure = _is_length(tracker, length, scope)
        if (
            sure
            and not (isinstance(other, ast.Constant) and other.value in (0, 1))
            and _is_length(tracker, other, scope) < sure  # `self.size` may be a count, beside len() it is a limit
        ):
            return other, above, sure
    return None, False, 0.0


def _is_length(tracker: Tracker, expr: ast.expr, scope: Scope) -> float:
    """How sure an expression is the container's length."""
    if isinstance(expr, ast.Name):
        binder = scope.binder(expr.id)
        for binding in binder.bindings.get(expr.id, ()) if binder is not None else ():
            if binding.how == "assign" and isinstance(binding.value, ast.Call):
                return _is_length(tracker, binding.value, scope)
        return 0.0
    if isinstance(expr, ast.BinOp) and isinstance(expr.op, (ast.Add, ast.Sub)):
        return _is_length(tracker, expr.left, scope)
    if isinstance(expr, ast.Call):
        inner: Optional[ast.expr] = None
        if dotted(expr.func) == "len" and len(expr.args) == 1:
            inner = expr.args[0]
        elif isinstance(expr.func, ast.Attribute) and expr.func.attr in ("qsize", "__len__"):
            inner = expr.func.value
        found = tracker.level(inner, scope) if inner is not None else None
        if found is not None:
            return found[1] if found[0] == tracker.final else 0.0
        if isinstance(inner, ast.Name) and inner.id == "self":  # len(self): the owner measures itself
            klass = scope.enclosing_class()
            return 0.7 if klass is not None and any(klass is c for c in tracker.classes) else 0.0
        return 0.0
    if isinstance(expr, ast.Attribute) and isinstance(expr.value, ast.Name) and expr.value.id == "self":
        # A counter that the owner keeps beside its container.
        klass = scope.enclosing_class()
        counts = _names_a_count(expr.attr)
        return 0.55 if counts and klass is not None and any(klass is c for c in tracker.classes) else 0.0
    return 0.0


def _names_a_count(attribute: str) -> bool:
    return attribute.lstrip("_").lower() in _COUNT_WORDS


class Branch(NamedTuple):
    """The statement that a test governs."""

    node: ast.AST
    body: List[ast.stmt]
    orelse: List[ast.stmt]


def _branch(scope: Scope, test: ast.AST) -> Optional[Branch]:
    """The if or while (or conditional return) whose condition the comparison is part of."""
    parents = scope.source.parents
    node: Optional[ast.AST] = test
    for _ in range(16):
        parent = parents.get(node) if node is not None else None
        if isinstance(parent, (ast.If, ast.While)) and parent.test is node:
            return Branch(parent, parent.body, parent.orelse)
        if not isinstance(parent, (ast.BoolOp, ast.UnaryOp)):
            return None
        node = parent
    return None


def _effect(tracker: Tracker, scope: Scope, branch: Branch, above: bool, changes: List[Mutation]) -> str:
    full, room = (branch.body, branch.orelse) if above else (branch.orelse, branch.body)
    if _contains(tracker, scope, full, changes, REMOVE):
        return "evicts"
    leaves = full and isinstance(full[-1], (ast.Return, ast.Raise, ast.Continue, ast.Break))
    guarded = leaves and _contains(tracker, scope, list(getattr(scope.node, "body", [])), changes, ADD)
    if guarded and not _contains(tracker, scope, full, changes, ADD):
        return "refuses"
    if room and _contains(tracker, scope, room, changes, ADD) and not _contains(tracker, scope, full, changes, ADD):
        return "refuses"
    return ""


def _contains(tracker: Tracker, scope: Scope, body: List[ast.stmt], changes: List[Mutation], effect: str) -> bool:
    """Whether these statements change the container so, or call a function that does."""
    nodes: Set[int] = set()
    calls: List[ast.Call] = []
    todo: List[ast.AST] = list(body)
    while todo and len(nodes) < _MAX_BODY:
        node = todo.pop()
        nodes.add(id(node))
        if isinstance(node, ast.Call):
            calls.append(node)
        todo.extend(ast.iter_child_nodes(node))
    wanted = [m for m in changes if m.effect == effect]
    if any(id(m.node) in nodes for m in wanted):
        return True
    for call in calls:
        if effect == REMOVE and _evicts_by_name(tracker, call, scope):
            return True
        target = callee(tracker.program, call.func, scope)
        if target is not None and any(m.scope is target for m in wanted):
            return True
    return False


def _evicts_by_name(tracker: Tracker, call: ast.Call, scope: Scope) -> bool:
    """`self.popitem()` in the class that owns the container: what it does may lie in a base that is not known."""
    func = call.func
    if not isinstance(func, ast.Attribute) or not isinstance(func.value, ast.Name):
        return False
    klass = self_class(func.value.id, scope)
    return klass is not None and any(klass is c for c in tracker.classes) and removes_by_name(func.attr)


def governing_compare(tracker: Tracker, scope: Scope, node: ast.AST) -> Optional[ast.AST]:
    """The comparison of the container's length that a statement stands under, if there is one."""
    parents = scope.source.parents
    here: Optional[ast.AST] = node
    for _ in range(64):
        here = parents.get(here) if here is not None else None
        if here is None or isinstance(here, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.Module)):
            return None
        if isinstance(here, (ast.If, ast.While)):
            for part in ast.walk(here.test):
                if isinstance(part, ast.Compare) and _length_compare(tracker, part, scope)[0] is not None:
                    return part
    return None
