"""A parsed source file as rules see it: nodes by type, parents, names as imports say them, functions and classes.

Everything here is iterative: a tree may be as deep as the parser allowed.
"""

from __future__ import annotations

import ast
from typing import Dict, FrozenSet, Iterator, List, Optional, Sequence, Set, Tuple, Type, TypeVar, Union

from unleak.check.finding import Finding

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
Node = TypeVar("Node", bound=ast.AST)
_LEAVES = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)


class Module:
    """One file. What is costly is made when a rule first asks for it."""

    def __init__(self, path: str, text: str, tree: ast.Module):
        self.path = path
        self.tree = tree
        self._text = text
        self._lines: Optional[List[str]] = None
        self._by_type: Dict[type, List[ast.AST]] = {}
        self._parents: Dict[ast.AST, ast.AST] = {}
        self._imports: Optional[Dict[str, str]] = None
        self._bound: Optional[Dict[str, int]] = None
        self._locals: Dict[ast.AST, FrozenSet[str]] = {}
        self._index()

    def _index(self) -> None:
        by_type, parents = self._by_type, self._parents
        stack: List[ast.AST] = [self.tree]
        while stack:
            node = stack.pop()
            kind = node.__class__
            if kind in by_type:
                by_type[kind].append(node)
            else:
                by_type[kind] = [node]
            for child in children(node):
                parents[child] = node
                stack.append(child)

    # -- nodes --

    def nodes(self, *kinds: Type[Node]) -> List[Node]:
        """All nodes of these types, in no particular order."""
        found: List[Node] = []
        for kind in kinds:
            found += self._by_type.get(kind, [])  # type: ignore[arg-type]
        return found

    def parent(self, node: ast.AST) -> Optional[ast.AST]:
        return self._parents.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """From the parent to the module."""
        above = self._parents.get(node)
        while above is not None:
            yield above
            above = self._parents.get(above)

    def statement(self, node: ast.AST) -> ast.AST:
        """The statement that a node is in, or is."""
        while not isinstance(node, ast.stmt) and node in self._parents:
            node = self._parents[node]
        return node

    def functions(self) -> List[Function]:
        return self.nodes(ast.FunctionDef) + self.nodes(ast.AsyncFunctionDef)  # type: ignore[operator]

    def function_of(self, node: ast.AST) -> Optional[Function]:
        """The innermost `def` around a node, None at the top of a module or class."""
        for above in self.ancestors(node):
            if isinstance(above, FUNCTIONS):
                return above
            if isinstance(above, ast.ClassDef):
                return None
        return None

    def class_of(self, node: ast.AST) -> Optional[ast.ClassDef]:
        """The innermost class around a node, through the methods and functions in it."""
        for above in self.ancestors(node):
            if isinstance(above, ast.ClassDef):
                return above
        return None

    def method_of(self, node: ast.AST) -> Tuple[Optional[ast.ClassDef], Optional[Function]]:
        """(class, method) that a node is in, through functions nested in the method; (None, None) outside of methods."""
        inner: Optional[Function] = None
        for above in self.ancestors(node):
            if isinstance(above, FUNCTIONS):
                inner = above
            elif isinstance(above, ast.ClassDef):
                return (above, inner) if inner is not None else (None, None)
        return None, None

    def owner(self, function: ast.AST) -> Optional[ast.ClassDef]:
        """The class in whose body a function stands, None for other functions."""
        above = self._parents.get(function)
        while isinstance(above, (ast.If, ast.Try, ast.With)):
            above = self._parents.get(above)
        return above if isinstance(above, ast.ClassDef) else None

    def qualified_name(self, node: ast.AST) -> str:
        """Class.method of the scope that a node is in, or is; "" at the top of the module."""
        names = [node.name] if isinstance(node, (*FUNCTIONS, ast.ClassDef)) else []
        names += [above.name for above in self.ancestors(node) if isinstance(above, (*FUNCTIONS, ast.ClassDef))]
        return ".".join(reversed(names))

    # -- names --

    def name(self, node: Optional[ast.AST]) -> str:
        """What an expression names, as its imports say it: `lru_cache` after `from functools import lru_cache` is
        functools.lru_cache. A builtin that the file does not rebind is itself. "" where it cannot be known."""
        tail: List[str] = []
        while isinstance(node, ast.Attribute):
            tail.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        base = self.imports.get(node.id)
        if base is None:
            if tail or node.id in self.bound:
                return ""
            base = node.id
        return ".".join([base, *reversed(tail)])

    @property
    def imports(self) -> Dict[str, str]:
        """Local name to what it was imported as; relative imports begin with a dot."""
        if self._imports is None:
            found: Dict[str, str] = {}
            for node in self.nodes(ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            for origin in self.nodes(ast.ImportFrom):
                base = "." * origin.level + (origin.module or "")
                for alias in origin.names:
                    found[alias.asname or alias.name] = base + "." + alias.name
            self._imports = found
        return self._imports

    @property
    def bound(self) -> Dict[str, int]:
        """Names that this file binds anywhere other than by an import, with how often."""
        if self._bound is None:
            found: Dict[str, int] = {}
            for name in self.nodes(ast.Name):
                if not isinstance(name.ctx, ast.Load):
                    found[name.id] = found.get(name.id, 0) + 1
            for node in self.functions() + self.nodes(ast.ClassDef):  # type: ignore[operator]
                found[node.name] = found.get(node.name, 0) + 1
            for argument in self.nodes(ast.arg):
                found[argument.arg] = found.get(argument.arg, 0) + 1
            self._bound = found
        return self._bound

    def locals(self, function: ast.AST) -> FrozenSet[str]:
        """Variables and parameters of a function or lambda, without those that it declares global or nonlocal."""
        if function not in self._locals:
            arguments = function.args  # type: ignore[attr-defined]
            names = {a.arg for a in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]}
            names |= {a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None}
            elsewhere: Set[str] = set()
            for node in own(function):
                if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                    names.add(node.id)
                elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
                    names.add(node.name)
                elif isinstance(node, (ast.Global, ast.Nonlocal)):
                    elsewhere.update(node.names)
            self._locals[function] = frozenset(names - elsewhere)
        return self._locals[function]

    # -- findings --

    def source_line(self, line: int) -> str:
        if self._lines is None:
            self._lines = self._text.splitlines()
        return self._lines[line - 1] if 0 < line <= len(self._lines) else ""

    def finding(
        self, rule: str, node: ast.AST, message: str, subject: str = "", places: Sequence[ast.AST] = ()
    ) -> Finding:
        """A finding at a node; `rule` is the rule module's __name__. Of a `def` or `class`, only its first line."""
        line, column = node.lineno, node.col_offset + 1  # type: ignore[attr-defined]
        end_line = getattr(node, "end_lineno", None) or line
        end_column = (getattr(node, "end_col_offset", None) or column) + 1
        if isinstance(node, SCOPES) and not isinstance(node, ast.Lambda) or end_line > line:
            end_line, end_column = line, len(self.source_line(line)) + 1
        return Finding(
            rule=rule.rpartition(".")[2].replace("_", "-"),
            path=self.path,
            line=line,
            column=column,
            end_line=end_line,
            end_column=max(end_column, column + 1),
            message=message,
            symbol=self.qualified_name(node),
            subject=subject,
            places=tuple(sorted({place.lineno for place in places} - {line})),  # type: ignore[attr-defined]
            code=self.source_line(line).strip(),
        )


def children(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes directly below one, without operators and contexts."""
    for field in node._fields:
        value = getattr(node, field, None)
        if value.__class__ is list:
            for item in value:
                if isinstance(item, ast.AST) and not isinstance(item, _LEAVES):
                    yield item
        elif isinstance(value, ast.AST) and not isinstance(value, _LEAVES):
            yield value


def walk(*roots: ast.AST) -> Iterator[ast.AST]:
    """These nodes and all below them."""
    stack = list(roots)
    while stack:
        node = stack.pop()
        yield node
        stack.extend(children(node))


def own(scope: ast.AST) -> List[ast.AST]:
    """The nodes of a function's, class's or module's own body: nested scopes are in it, what is in them is not. Kept at
    the node, since most rules ask for it."""
    found: Optional[List[ast.AST]] = getattr(scope, "_unleak_own", None)
    if found is None:
        body = getattr(scope, "body", [])
        stack: List[ast.AST] = list(body) if isinstance(body, list) else [body]
        found = []
        while stack:
            node = stack.pop()
            found.append(node)
            if not isinstance(node, SCOPES):
                stack.extend(children(node))
        scope._unleak_own = found  # type: ignore[attr-defined]
    return found
