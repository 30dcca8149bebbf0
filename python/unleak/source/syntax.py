"""One parsed file: its scopes, what each scope binds, and the nodes in it, found in a single pass without recursion."""

import ast
import warnings
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple, Union

from .files import decode, split_lines

FunctionNode = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_KEPT = frozenset(
    {
        ast.Assign,
        ast.AnnAssign,
        ast.AugAssign,
        ast.NamedExpr,
        ast.Call,
        ast.Delete,
        ast.Compare,
        ast.For,
        ast.AsyncFor,
        ast.While,
        ast.If,
        ast.Return,
        ast.Yield,
        ast.Raise,
        ast.ExceptHandler,
        ast.Subscript,
        ast.Attribute,
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.Lambda,
        ast.ClassDef,
    }
)
_SCOPES = frozenset({ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda})
_BINDING = frozenset(
    {
        ast.Assign,
        ast.AnnAssign,
        ast.NamedExpr,
        ast.AugAssign,
        ast.For,
        ast.AsyncFor,
        ast.comprehension,
        ast.withitem,
        ast.ExceptHandler,
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.ClassDef,
        ast.Global,
        ast.Nonlocal,
        ast.Import,
        ast.ImportFrom,
    }
)
# Nodes with nothing below them that is looked for, and the most frequent values that are no nodes.
_LEAVES = frozenset(
    {
        int,
        str,
        type(None),
        ast.Name,
        ast.Constant,
        ast.Load,
        ast.Store,
        ast.Del,
        ast.Pass,
        ast.Break,
        ast.Continue,
        ast.arg,
        ast.alias,
    }
)
MAX_TEXT = 160


class Binding(NamedTuple):
    """One place where a scope gives a name a value."""

    how: str  # assign, augmented, for, with, except, import, def, class, param; part, for-part: of an unpacking
    value: Optional[ast.expr]  # what it is bound to, or iterated, or entered; the annotation of a param
    node: Any  # the statement, handler or parameter
    position: int = 0  # of a param, or of a part


class Import(NamedTuple):
    """What a name imports: a module (name == "") or a name in one."""

    module: str
    name: str
    level: int  # dots in front


class Scope:
    """A module, class or function body. Comprehensions belong to the scope that they stand in."""

    __slots__ = (
        "kind",
        "node",
        "name",
        "qualname",
        "parent",
        "source",
        "nodes",
        "bindings",
        "globals",
        "nonlocals",
        "params",
        "children",
    )

    def __init__(
        self, kind: str, node: Any, name: str, qualname: str, parent: Optional["Scope"], source: "Source"
    ) -> None:
        self.kind = kind  # module, class, function
        self.node = node
        self.name = name
        self.qualname = qualname
        self.parent = parent
        self.source = source
        self.nodes: Dict[type, List[Any]] = {}
        self.bindings: Dict[str, List[Binding]] = {}
        self.globals: set = set()
        self.nonlocals: set = set()
        self.params: List[str] = []
        self.children: List[Scope] = []

    def of(self, *kinds: type) -> Iterator[Any]:
        """Nodes of these types in this scope (not in nested ones), in source order a type."""
        for kind in kinds:
            yield from self.nodes.get(kind, ())

    @property
    def first_line(self) -> int:
        """Line of the first decorator or the def, as co_firstlineno counts."""
        decorators = getattr(self.node, "decorator_list", None) or []
        return min([d.lineno for d in decorators] + [getattr(self.node, "lineno", 1)])

    def binder(self, name: str) -> Optional["Scope"]:
        """The scope that a name used here belongs to, by Python's rules; the module scope for globals and unknown names."""
        scope: Optional[Scope] = self
        first = True
        while scope is not None:
            if name in scope.globals:
                return self.source.module
            if (first or scope.kind != "class") and name in scope.bindings and name not in scope.nonlocals:
                return scope
            first = False
            scope = scope.parent
        return self.source.module

    def enclosing_class(self) -> Optional["Scope"]:
        """The class whose method this scope is, or is nested in."""
        scope: Optional[Scope] = self
        while scope is not None:
            if scope.kind == "class":
                return scope
            scope = scope.parent
        return None

    def walk(self) -> Iterator["Scope"]:
        """This scope and all nested ones."""
        todo = [self]
        while todo:
            scope = todo.pop()
            yield scope
            todo.extend(reversed(scope.children))


class Source:
    """A file's syntax tree with its scopes."""

    def __init__(self, path: str, data: bytes) -> None:
        """Raises SyntaxError, ValueError, RecursionError or MemoryError if the text is no Python that this interpreter parses."""
        self.path = path
        text = decode(data)
        self.lines = split_lines(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        self.module = Scope("module", tree, "<module>", "<module>", None, self)
        self.scopes: List[Scope] = [self.module]
        self.by_qualname: Dict[str, List[Scope]] = {}
        self._classes: Dict[str, List[Scope]] = {}
        self.imports: Dict[str, Import] = {}
        self._parents: Optional[Dict[ast.AST, ast.AST]] = None
        self._index(tree)

    def text(self, line: int) -> str:
        """One line without the spaces around it, cut to a readable length."""
        if not 1 <= line <= len(self.lines):
            return ""
        text = self.lines[line - 1].strip()
        return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 3] + "..."

    def classes(self, name: str) -> List[Scope]:
        """Classes by qualified name, else by the last part of it."""
        found = [s for s in self.by_qualname.get(name, ()) if s.kind == "class"]
        if found:
            return found
        return [s for s in self.scopes if s.kind == "class" and s.name == name.rpartition(".")[2]]

    def classes_named(self, name: str) -> List[Scope]:
        """Classes by their plain name."""
        return self._classes.get(name, [])

    def functions(self, name: str) -> List[Scope]:
        """Functions by qualified name, else by the last part of it; `<module>` is the module."""
        if name == "<module>":
            return [self.module]
        found = [s for s in self.by_qualname.get(name, ()) if s.kind == "function"]
        if found:
            return found
        last = name.rpartition(".")[2]
        return [s for s in self.scopes if s.kind == "function" and s.name == last]

    def function_at(self, line: int) -> Scope:
        """The innermost function around a line, else the module."""
        best = self.module
        for scope in self.scopes:
            if scope.kind == "function" and scope.first_line <= line <= (scope.node.end_lineno or 0):
                best = scope  # scopes are in source order: a later one that fits is nested deeper
        return best

    # -- the pass --

    @property
    def parents(self) -> Dict[ast.AST, ast.AST]:
        """Node to the node around it; made when first asked for."""
        if self._parents is None:
            self._parents = {}
            todo: List[ast.AST] = [self.module.node]
            while todo:
                node = todo.pop()
                for child in ast.iter_child_nodes(node):
                    self._parents[child] = node
                    todo.append(child)
        return self._parents

    def _index(self, tree: ast.Module) -> None:
        todo: List[Tuple[ast.AST, Scope]] = [(child, self.module) for child in reversed(tree.body)]
        pop, push, AST = todo.pop, todo.append, ast.AST  # noqa: N806 - a class, looked up once
        while todo:
            node, scope = pop()
            kind = type(node)
            if kind in _KEPT:
                scope.nodes.setdefault(kind, []).append(node)
            if kind in _BINDING:
                self._bind(node, scope)
            inner, body = scope, None
            if kind in _SCOPES:
                inner = self._open_scope(node, scope)
                body = _body(node)
            children: List[ast.AST] = []
            for value in node.__dict__.values():  # fields in the order of the grammar, then positions
                if value.__class__ is list:
                    children.extend(v for v in value if v.__class__ not in _LEAVES and isinstance(v, AST))
                elif value.__class__ not in _LEAVES and isinstance(value, AST):
                    children.append(value)
            if body is None:
                todo.extend([(child, scope) for child in reversed(children)])
            else:
                for child in reversed(children):
                    push((child, inner if child in body else scope))

    def _open_scope(self, node: Any, outer: Scope) -> Scope:
        name = getattr(node, "name", "<lambda>")
        if outer.kind == "module":
            qualname = name
        else:
            qualname = outer.qualname + (".<locals>." if outer.kind == "function" else ".") + name
        scope = Scope("class" if isinstance(node, ast.ClassDef) else "function", node, name, qualname, outer, self)
        outer.children.append(scope)
        self.scopes.append(scope)
        self.by_qualname.setdefault(qualname, []).append(scope)
        if scope.kind == "class":
            self._classes.setdefault(name, []).append(scope)
        else:
            for index, arg in enumerate(_arguments(node.args)):
                scope.params.append(arg.arg)
                _add(scope, arg.arg, Binding("param", arg.annotation, arg, index))
        return scope

    def _bind(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                _bind_target(scope, target, node.value, "assign", node)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None or scope.kind != "function":
                _bind_target(scope, node.target, node.value, "assign", node)
        elif isinstance(node, ast.NamedExpr):
            _bind_target(scope, node.target, node.value, "assign", node)
        elif isinstance(node, ast.AugAssign):
            if isinstance(node.target, ast.Name):
                _add(scope, node.target.id, Binding("augmented", None, node))
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            _bind_target(scope, node.target, node.iter, "for", node)
        elif isinstance(node, ast.withitem):
            if node.optional_vars is not None:
                _bind_target(scope, node.optional_vars, node.context_expr, "with", node)
        elif isinstance(node, ast.ExceptHandler):
            if node.name:
                _add(scope, node.name, Binding("except", node.type, node))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            _add(scope, node.name, Binding("def", None, node))
        elif isinstance(node, ast.ClassDef):
            _add(scope, node.name, Binding("class", None, node))
        elif isinstance(node, ast.Global):
            scope.globals.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            scope.nonlocals.update(node.names)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._bind_import(node, scope)

    def _bind_import(self, node: Union[ast.Import, ast.ImportFrom], scope: Scope) -> None:
        for alias in node.names:
            if isinstance(node, ast.Import):
                name = alias.asname or alias.name.partition(".")[0]
                target = Import(alias.name if alias.asname else name, "", 0)
            else:
                name = alias.asname or alias.name
                target = Import(node.module or "", alias.name, node.level)
            self.imports.setdefault(name, target)
            _add(scope, name, Binding("import", None, node))


def _add(scope: Scope, name: str, binding: Binding) -> None:
    scope.bindings.setdefault(name, []).append(binding)


def _bind_target(scope: Scope, target: ast.expr, value: Optional[ast.expr], how: str, node: ast.AST) -> None:
    todo: List[Tuple[ast.expr, Optional[ast.expr], str, int]] = [(target, value, how, 0)]
    while todo:
        item, source, kind, index = todo.pop()
        if isinstance(item, ast.Name):
            _add(scope, item.id, Binding(kind, source, node, index))
        elif isinstance(item, ast.Starred):
            todo.append((item.value, None, "part", index))
        elif isinstance(item, (ast.Tuple, ast.List)):
            values = source.elts if isinstance(source, (ast.Tuple, ast.List)) and kind == "assign" else []
            for k, part in enumerate(item.elts):
                if len(values) == len(item.elts):
                    todo.append((part, values[k], "assign", k))
                else:
                    todo.append((part, source, "for-part" if kind == "for" else "part", k))


def _body(node: Any) -> set:
    """Children of a class or function that run in its own scope; the rest (decorators, defaults, bases) runs outside."""
    body = node.body
    return set(body) if isinstance(body, list) else {body}


def _arguments(args: ast.arguments) -> List[ast.arg]:
    """Parameters in calling order; * and ** last."""
    found = list(args.posonlyargs) + list(args.args) + list(args.kwonlyargs)
    return found + [a for a in (args.vararg, args.kwarg) if a is not None]


def default_values(node: Any) -> Dict[str, ast.expr]:
    """Default values of a function's parameters, by parameter."""
    args = node.args
    plain = [a.arg for a in list(args.posonlyargs) + list(args.args)]
    found: Dict[str, ast.expr] = dict(zip(plain[len(plain) - len(args.defaults) :], args.defaults))
    found.update((a.arg, value) for a, value in zip(args.kwonlyargs, args.kw_defaults) if value is not None)
    return found


def dotted(expr: Optional[ast.AST]) -> str:
    """`a.b.c` of a name or a chain of attributes, "" for anything else."""
    parts: List[str] = []
    while isinstance(expr, ast.Attribute):
        parts.append(expr.attr)
        expr = expr.value
    if not isinstance(expr, ast.Name):
        return ""
    parts.append(expr.id)
    return ".".join(reversed(parts))


def constant_text(expr: Optional[ast.AST]) -> Optional[str]:
    """Value of a string literal."""
    return expr.value if isinstance(expr, ast.Constant) and isinstance(expr.value, str) else None


def free_names(scope: Scope) -> Set[str]:
    """Names that a function takes from an enclosing function."""
    found: Set[str] = set()
    for inner in scope.walk():
        todo: List[ast.AST] = list(ast.iter_child_nodes(inner.node))
        steps = 0
        while todo and steps < 20000:
            node = todo.pop()
            steps += 1
            if isinstance(node, ast.Name):
                binder = inner.binder(node.id)
                if (
                    binder is not None
                    and binder.kind == "function"
                    and node.id in binder.bindings
                    and _encloses(binder, scope)
                ):
                    found.add(node.id)
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
                todo.extend(ast.iter_child_nodes(node))
    return found


def _encloses(outer: Scope, inner: Scope) -> bool:
    here = inner.parent
    while here is not None:
        if here is outer:
            return True
        here = here.parent
    return False


def in_function(scope: Scope) -> bool:
    """Whether code of this scope can run many times: a function's body (a class statement in a function too)."""
    here: Optional[Scope] = scope
    while here is not None:
        if isinstance(here.node, FunctionNode):
            return True
        here = here.parent
    return False


_MAX_KEPT = 48 << 20  # bytes of text whose trees are kept for the next questions
_kept: Dict[Tuple[str, bytes], Source] = {}


def parsed(path: str, data: bytes) -> Source:
    """The syntax tree of a file's text. Trees are kept, the last used ones longest: workers of one program have the same
    files. Raises what Source does."""
    key = (path, data)
    found = _kept.pop(key, None)
    if found is None:
        found = Source(path, data)
        while _kept and sum(len(text) for _, text in _kept) + len(data) > _MAX_KEPT:
            del _kept[next(iter(_kept))]
    _kept[key] = found
    return found
