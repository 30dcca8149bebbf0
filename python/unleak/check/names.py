"""Questions that several rules ask about classes, functions and expressions."""

from __future__ import annotations

import ast
from typing import Dict, Iterator, List, Optional, Sequence, Set, Tuple

from unleak.check.module import FUNCTIONS, SCOPES, Function, Module, own, walk

CONTAINERS = {
    "list", "dict", "set", "bytearray", "collections.defaultdict", "collections.deque", "collections.OrderedDict",
    "collections.Counter", "weakref.WeakSet",
}  # fmt: skip
ADDERS = {"append", "appendleft", "add", "insert", "extend", "setdefault", "update", "push"}
REMOVERS = {"pop", "popitem", "popleft", "remove", "discard", "clear", "difference_update", "intersection_update"}


def self_name(function: Function) -> str:
    """The name of a method's object, "" of a static method or a function without parameters."""
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Name) and decorator.id in ("staticmethod", "classmethod"):
            return ""
    arguments = [*function.args.posonlyargs, *function.args.args]
    return arguments[0].arg if arguments else ""


def parameters(function: Function, and_self: bool = False) -> List[ast.arg]:
    """All named parameters; without the first where that is the object."""
    positional = [*function.args.posonlyargs, *function.args.args]
    return positional[0 if and_self else 1 :] + function.args.kwonlyargs


def methods(klass: ast.ClassDef) -> Dict[str, Function]:
    """Functions in a class's body that make a bound method when they are read from an instance."""
    found = {}
    for node in klass.body:
        if isinstance(node, FUNCTIONS) and not _special(node):
            found[node.name] = node
    return found


def _special(function: Function) -> bool:
    """Whether a decorator makes something else of it: what reading it gives is not known then."""
    return bool(function.decorator_list)


def is_name(node: Optional[ast.AST], name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and bool(name)


def is_attribute_of(node: Optional[ast.AST], name: str) -> str:
    """The attribute in `name.attribute`, "" for anything else."""
    return node.attr if isinstance(node, ast.Attribute) and is_name(node.value, name) else ""


def mentions(node: ast.AST, name: str) -> bool:
    return any(is_name(part, name) for part in walk(node))


def holds(module: Module, node: ast.AST, name: str, klass: Optional[ast.ClassDef], depth: int = 4) -> bool:
    """Whether the value of an expression keeps the object called `name` alive, as far as its text proves it: the name
    itself, a bound method of it, a lambda or local function that uses it, a partial, tuple, list or dict of these."""
    if depth == 0:
        return False
    if is_name(node, name):
        return True
    attribute = is_attribute_of(node, name)
    if attribute:
        return klass is not None and attribute in methods(klass)
    if isinstance(node, ast.Lambda):
        shadowed = {a.arg for a in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]}
        body_uses = name not in shadowed and mentions(node.body, name)
        return body_uses or any(holds(module, d, name, klass, depth - 1) for d in node.args.defaults)
    if isinstance(node, ast.Name):
        local = local_function(module, node)
        return local is not None and uses_free(local, name)
    parts: Sequence[Optional[ast.AST]] = ()
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        parts = node.elts
    elif isinstance(node, ast.Dict):
        parts = node.values
    elif isinstance(node, ast.Starred):
        parts = [node.value]
    elif isinstance(node, ast.Call) and module.name(node.func) in ("functools.partial", "functools.partialmethod"):
        parts = [*node.args, *(k.value for k in node.keywords)]
    return any(part is not None and holds(module, part, name, klass, depth - 1) for part in parts)


def local_function(module: Module, node: ast.Name) -> Optional[Function]:
    """The function that a name means in the function around it, where it is defined there and not bound again."""
    around = module.function_of(node)
    if around is None:
        return None
    found = [n for n in own(around) if isinstance(n, FUNCTIONS) and n.name == node.id]
    return found[0] if len(found) == 1 and node.id not in assigned(around) else None


def uses_free(function: Function, name: str) -> bool:
    """Whether a local function uses a name of the function around it."""
    if name in {a.arg for a in parameters(function, and_self=True)} or name in assigned(function):
        return False
    return any(is_name(part, name) for statement in function.body for part in walk(statement))


def assigned(scope: ast.AST) -> Dict[str, List[ast.AST]]:
    """Names that a scope's own body binds, deletes or rebinds, with the nodes that do (not by import or def)."""
    found: Optional[Dict[str, List[ast.AST]]] = getattr(scope, "_unleak_assigned", None)
    if found is None:
        found = {}
        for node in own(scope):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                found.setdefault(node.id, []).append(node)
            elif isinstance(node, ast.ExceptHandler) and node.name:
                found.setdefault(node.name, []).append(node)
        scope._unleak_assigned = found  # type: ignore[attr-defined]
    return found


def simple_assignments(scope: ast.AST) -> Iterator[Tuple[str, ast.AST, ast.AST]]:
    """(name, value, statement) of every `name = value` in a scope's own body, annotated ones and `:=` too."""
    for node in own(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value, node
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and isinstance(node.target, ast.Name):
            if node.value is not None:
                yield node.target.id, node.value, node


def is_container(module: Module, node: Optional[ast.AST]) -> bool:
    """Whether an expression makes a new builtin container."""
    if isinstance(node, (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)):
        return True
    return isinstance(node, ast.Call) and module.name(node.func) in CONTAINERS


def keyword(call: ast.Call, name: str) -> Optional[ast.expr]:
    return next((k.value for k in call.keywords if k.arg == name), None)


def argument(call: ast.Call, position: int, name: str) -> Optional[ast.expr]:
    """A parameter's value in a call, by position or by name; None where a star hides it or it is not given."""
    if any(isinstance(a, ast.Starred) for a in call.args[: position + 1]):
        return None
    return call.args[position] if position < len(call.args) else keyword(call, name)


def is_constant(node: Optional[ast.AST], *values: object) -> bool:
    return isinstance(node, ast.Constant) and any(node.value is v or node.value == v for v in values)


def class_names(module: Module, klass: ast.ClassDef) -> Set[str]:
    """Base classes, decorators and metaclass as the file names them, with the last part alone as well."""
    nodes = [*klass.bases, *klass.decorator_list, *(k.value for k in klass.keywords if k.arg == "metaclass")]
    found = set()
    for node in nodes:
        node = node.func if isinstance(node, ast.Call) else node
        node = node.value if isinstance(node, ast.Subscript) else node
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        found.add(module.name(node))
    return found


def made_once(module: Module, klass: ast.ClassDef) -> bool:
    """Whether the file makes the class's only object itself: `NAME = Class(...)` at the top of the module, or the
    class keeps its one instance. What such an object holds is meant to live as long as the program."""
    for _, value, _ in simple_assignments(module.tree):
        if isinstance(value, ast.Call) and is_name(value.func, klass.name):
            return True
    for node in walk(klass):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if name.strip("_").lower() in ("instance", "singleton", "instances"):
            return True
    return any("singleton" in name.lower() for name in class_names(module, klass))


def free_names(node: ast.AST) -> Set[str]:
    return {part.id for part in walk(node) if isinstance(part, ast.Name)}


def in_loop(module: Module, node: ast.AST) -> bool:
    """Whether a node stands in a loop of its own function."""
    for above in module.ancestors(node):
        if isinstance(above, (ast.For, ast.AsyncFor, ast.While)):
            return True
        if isinstance(above, SCOPES):
            return False
    return False


def stores_argument(klass: ast.ClassDef, call: ast.Call, given: ast.AST) -> Optional[ast.AST]:
    """Where the constructor of a class keeps an argument of a call on the object that it makes: `self.x = parameter`;
    None where it does not. `given` is one of call.args or call.keywords."""
    function = next((n for n in klass.body if isinstance(n, FUNCTIONS) and n.name == "__init__"), None)
    if function is None:
        return None
    positional = [a.arg for a in [*function.args.posonlyargs, *function.args.args]]
    if isinstance(given, ast.keyword):
        name = given.arg or ""
    else:
        at = call.args.index(given) + 1  # type: ignore[arg-type]
        name = positional[at] if at < len(positional) else ""
    owner = positional[0] if positional else ""
    for node in own(function):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and is_name(node.value, name):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(is_attribute_of(target, owner) for target in targets):
                return node
    return None
