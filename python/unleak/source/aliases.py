"""Other names of a holder's container: attributes and parameters that are given it, and names that it was given from.

`tracker` is a holder.Tracker; what is learned goes into its `params`, `attribute_aliases` and `calls_followed`.
"""

import ast
from typing import Any, Iterator, Optional, Tuple

from .kinds import callee, method_of, self_class
from .syntax import Scope, dotted

MAX_SOURCES = 400
_GIVEN_ON = 0.9  # a name given the container may be given something else elsewhere
_TAKEN_FROM = 0.85
_VIEWS = ("MappingProxyType",)  # calls whose result shows the container that they are given


def follow(tracker: Any) -> None:
    """Learns the other names; twice, for one that is given on."""
    for _ in range(2):
        before = (len(tracker.params), len(tracker.attribute_aliases), len(tracker.sources))
        for source in list(tracker.sources):
            for scope in source.scopes:
                _attributes(tracker, scope)
                _calls(tracker, scope)
        tracker.forget_levels()
        if (len(tracker.params), len(tracker.attribute_aliases), len(tracker.sources)) == before:
            break


def _attributes(tracker: Any, scope: Scope) -> None:
    for node in scope.of(ast.Assign, ast.AnnAssign):
        if node.value is None:
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, (ast.Attribute, ast.Subscript)) or _is_name_of_holder(tracker, target, scope):
                _taken_from(tracker, target, node.value, scope)
            if isinstance(target, ast.Attribute):
                _given_on(tracker, target, node.value, scope)


def _is_name_of_holder(tracker: Any, target: ast.expr, scope: Scope) -> bool:
    return isinstance(target, ast.Name) and target.id in tracker.names


def _given_on(tracker: Any, target: ast.Attribute, value: ast.expr, scope: Scope) -> None:
    """`self.x = <the container>`"""
    if not isinstance(value, (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.BoolOp, ast.IfExp)):
        return
    klass = self_class(target.value.id, scope) if isinstance(target.value, ast.Name) else None
    if klass is None or tracker.own_attribute(target, scope) is not None:
        return
    found = tracker.level(value, scope)
    if found is not None:
        tracker.attribute_aliases.setdefault((id(klass), target.attr), (found[0], found[1] * _GIVEN_ON))


def _taken_from(tracker: Any, target: ast.expr, value: ast.expr, scope: Scope) -> None:
    """`<the holder's place> = name`: what is stored under the name goes into the container."""
    given = list(_named_parts(tracker, value))
    whole = tracker.target_level(target, scope) if given else None
    if whole is None or whole[1] < 0.3:
        return
    for name, deeper in given:
        _is_also(tracker, name, scope, whole[0] + deeper, whole[1] * _TAKEN_FROM)


def _named_parts(tracker: Any, value: ast.expr) -> Iterator[Tuple[str, int]]:
    """Names in what is assigned that lead to the container, and how many steps nearer to it they are."""
    if isinstance(value, ast.Name):
        yield value.id, 0
    elif isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2] in _VIEWS and len(value.args) == 1:
        if isinstance(value.args[0], ast.Name):
            yield value.args[0].id, 1
    elif isinstance(value, ast.Dict):
        keys = {step.key for step in tracker.steps if step.key is not None}
        for key, part in zip(value.keys, value.values):
            if isinstance(key, ast.Constant) and key.value in keys and isinstance(part, ast.Name):
                yield part.id, 1


def _is_also(tracker: Any, name: str, scope: Scope, level: int, near: float) -> None:
    binder: Optional[Scope] = scope.binder(name)
    if binder is None or binder.kind == "class" or name not in binder.bindings or level > tracker.final:
        return
    if any(b.how in ("import", "def", "class", "except") for b in binder.bindings[name]):
        return
    if tracker.level(ast.Name(id=name, ctx=ast.Load()), scope) is None:
        tracker.params[(id(binder), name)] = (level, near)
        tracker.forget_levels()


def _calls(tracker: Any, scope: Scope) -> None:
    for call in scope.of(ast.Call):
        _fields(tracker, scope, call)
        for index, arg in enumerate(call.args):
            _argument(tracker, scope, call, arg, index, None)
        for keyword in call.keywords:
            if keyword.arg:
                _argument(tracker, scope, call, keyword.value, 0, keyword.arg)


def _fields(tracker: Any, scope: Scope, call: ast.Call) -> None:
    """`Store(items=name)` of a class whose fields are declared and whose constructor is made from them."""
    if tracker.kind != "instance-attribute" or not call.args and not call.keywords:
        return
    target = callee(tracker.program, call.func, scope)
    if target is None or target.kind != "class" or method_of(tracker.program, target, "__init__") is not None:
        return
    near = tracker.class_confidence(target)
    if near < 0.5:
        return
    fields = [n.target.id for n in target.of(ast.AnnAssign) if isinstance(n.target, ast.Name)]
    given = list(zip(fields, call.args)) + [(k.arg or "", k.value) for k in call.keywords]
    for field, value in given:
        if field in tracker.names and isinstance(value, ast.Name):
            _is_also(tracker, value.id, scope, 0, near * _TAKEN_FROM)


def _argument(tracker: Any, scope: Scope, call: ast.Call, arg: ast.expr, index: int, name: Optional[str]) -> None:
    if not isinstance(arg, (ast.Name, ast.Attribute, ast.Subscript)):
        return
    found = tracker.level(arg, scope)
    back = found is None and isinstance(arg, ast.Name) and bool(tracker.params)
    if found is None and not back:
        return
    target, param = _parameter(tracker, scope, call, index, name)
    if target is None or param is None:
        return
    known = tracker.params.get((id(target), param))
    if back and known is not None and isinstance(arg, ast.Name):
        _is_also(tracker, arg.id, scope, known[0], known[1] * _TAKEN_FROM)
    if found is None or known is not None:
        return
    tracker.params[(id(target), param)] = (found[0], found[1] * _GIVEN_ON)
    tracker.calls_followed.setdefault(id(target), []).append((scope, call))
    if target.source not in tracker.sources and len(tracker.sources) < MAX_SOURCES:
        tracker.sources.append(target.source)


def _parameter(
    tracker: Any, scope: Scope, call: ast.Call, index: int, name: Optional[str]
) -> Tuple[Optional[Scope], Optional[str]]:
    """The function that a call reaches, and the parameter that an argument is."""
    target = callee(tracker.program, call.func, scope)
    if target is not None and target.kind == "class":
        target = method_of(tracker.program, target, "__init__")
        index += 1
    elif (
        target is not None
        and target.parent is not None
        and target.parent.kind == "class"
        and isinstance(call.func, ast.Attribute)
    ):
        index += 1
    if target is None or target.kind != "function":
        return None, None
    if name is not None:
        return target, name if name in target.params else None
    return target, target.params[index] if index < len(target.params) else None
