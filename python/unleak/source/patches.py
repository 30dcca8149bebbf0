"""Changes that are safe enough to be shown as a diff, by the remedy's action. Nothing here writes a file.

Only lines of the program itself are changed, and only where the text alone says what to write: a cache that gets a
bound, a file that is read line by line, an exception that is stored without its traceback, a reference made weak (which
the diagnosis proposes only where it saw another owner). Where a line has two statements that a change would fit, none
is shown.
"""

import ast
import difflib
from typing import Callable, Dict, Iterator, List, NamedTuple, Tuple

from .places import Place
from .program import Program
from .syntax import Scope, Source, dotted

_MAX_PLACES = 3
_BOUND = "1024"
_CONTEXT = 2


class Edit(NamedTuple):
    """Replaces what stands from (line, column) to (end line, end column), in UTF-8 bytes as ast counts; lines from 1."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


def add(program: Program, places: List[Place], attribute: str = "") -> None:
    """Gives the best places of an answer their `patches`: action to unified diff.

    `attribute` is the one whose reference is asked about; without it no reference is made weak."""
    for entry in places[:_MAX_PLACES]:
        if program.is_library(entry["file"]) or entry.get("from") != "source":
            continue
        source = program.source(entry["file"])
        found = _diffs(source, entry["line"], attribute) if source is not None else {}
        if found:
            entry["patches"] = found


def _diffs(source: Source, line: int, attribute: str) -> Dict[str, str]:
    found: Dict[str, str] = {}
    proposals = {action: list(propose(source, line)) for action, propose in _PROPOSALS}
    proposals["weakref"] = list(_weakref(source, line, attribute))
    for action, ways in proposals.items():
        if len(ways) == 1:
            found[action] = _diff(source, ways[0])
    return found


def _diff(source: Source, edits: List[Edit]) -> str:
    lines = [text.encode("utf-8", "surrogateescape") for text in source.lines]
    for edit in sorted(edits, reverse=True):
        head, tail = lines[edit.line - 1][: edit.column], lines[edit.end_line - 1][edit.end_column :]
        lines[edit.line - 1 : edit.end_line] = (head + edit.text.encode() + tail).split(b"\n")
    after = [text.decode("utf-8", "replace") for text in lines]
    name = source.path.lstrip("/")
    return "\n".join(difflib.unified_diff(source.lines, after, "a/" + name, "b/" + name, n=_CONTEXT, lineterm=""))


def _replace(node: ast.AST, text: str) -> Edit:
    end = getattr(node, "end_lineno", None) or node.lineno
    return Edit(node.lineno, node.col_offset, end, getattr(node, "end_col_offset", 0) or 0, text)


def _insert_after(node: ast.AST, text: str) -> Edit:
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
    return Edit(end_line, end_column, end_line, end_column, text)


# -- a bound for a cache --


def _bound(source: Source, line: int) -> Iterator[List[Edit]]:
    """`@lru_cache(maxsize=None)` and `@functools.cache`."""
    for scope in source.scopes:
        for decorator in getattr(scope.node, "decorator_list", ()):
            if decorator.lineno != line or scope.kind != "function":
                continue
            name = dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)
            head, _, last = name.rpartition(".")
            if not _from_functools(source, head or last):
                continue
            if last == "lru_cache" and isinstance(decorator, ast.Call):
                sizes = [k.value for k in decorator.keywords if k.arg == "maxsize"] + decorator.args[:1]
                if len(sizes) == 1 and isinstance(sizes[0], ast.Constant) and sizes[0].value is None:
                    yield [_replace(sizes[0], _BOUND)]
            elif last == "cache" and head and not isinstance(decorator, ast.Call):
                yield [_replace(decorator, "%s.lru_cache(maxsize=%s)" % (head, _BOUND))]


def _from_functools(source: Source, name: str) -> bool:
    target = source.imports.get(name)
    return target is not None and target.module == "functools"


# -- reading line by line --


def _stream(source: Source, line: int) -> Iterator[List[Edit]]:
    """`for x in file.readlines():` goes over the same lines as `for x in file:`."""
    for scope in source.scopes:
        for loop in scope.of(ast.For):
            call = loop.iter
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr == "readlines"
                and not call.args
                and not call.keywords
                and isinstance(call.func.value, ast.Name)
                and line in (call.lineno, loop.lineno)
                and not _used_in(loop, call.func.value.id)
            ):
                yield [_replace(call, call.func.value.id)]


def _used_in(loop: ast.For, name: str) -> bool:
    """Whether the loop's body uses the file: then it must have been read before."""
    return any(isinstance(n, ast.Name) and n.id == name for part in loop.body for n in ast.walk(part))


# -- exceptions without their frames --


def _clear_traceback(source: Source, line: int) -> Iterator[List[Edit]]:
    """`failures.append(error)` of a caught exception: stored without the traceback."""
    for scope in source.scopes:
        caught = {h.name for h in scope.of(ast.ExceptHandler) if h.name}
        for value in _stored_values(scope, line):
            if isinstance(value, ast.Name) and value.id in caught and _only_caught(scope, value.id):
                yield [_insert_after(value, ".with_traceback(None)")]


def _stored_values(scope: Scope, line: int) -> Iterator[ast.expr]:
    for call in scope.of(ast.Call):
        if call.lineno == line and isinstance(call.func, ast.Attribute) and call.func.attr in _STORES:
            for arg in call.args:
                yield from arg.elts if isinstance(arg, (ast.Tuple, ast.List)) else [arg]
    for node in scope.of(ast.Assign):
        if node.lineno == line and any(isinstance(t, (ast.Subscript, ast.Attribute)) for t in node.targets):
            yield from node.value.elts if isinstance(node.value, (ast.Tuple, ast.List)) else [node.value]


_STORES = frozenset({"append", "appendleft", "add", "put", "put_nowait", "insert", "setdefault"})


def _only_caught(scope: Scope, name: str) -> bool:
    return all(b.how == "except" for b in scope.bindings.get(name, ()))


# -- weak references --


def _weakref(source: Source, line: int, attribute: str) -> Iterator[List[Edit]]:
    """`self.parent = parent` to `self.parent = weakref.proxy(parent)`, for the attribute that is asked about."""
    bound = source.imports.get("weakref")
    if bound is not None and (bound.module != "weakref" or bound.name):
        return
    for scope in source.scopes:
        for node in scope.of(ast.Assign):
            target = node.targets[0]
            if node.lineno != line or not isinstance(target, ast.Attribute) or target.attr != attribute:
                continue
            if len(node.targets) == 1 and isinstance(node.value, ast.Name):
                edits = [_replace(node.value, _weak(scope, node.value.id))]
                yield edits if bound else [*edits, _import_line(source)]


def _weak(scope: Scope, name: str) -> str:
    """The weak reference, which is None where the name is: there is none to None."""
    weak = "weakref.proxy(%s)" % name
    return "%s if %s is not None else None" % (weak, name) if _may_be_none(scope, name) else weak


def _may_be_none(scope: Scope, name: str) -> bool:
    """Whether a function gives one of its names None, or asks for it: by a default, an annotation, an assignment, a test."""
    function = scope.node
    told = [b.value for b in scope.bindings.get(name, ()) if b.value is not None]
    if scope.kind == "function":
        signature = function.args
        positional = [*getattr(signature, "posonlyargs", ()), *signature.args]
        defaults = [None] * (len(positional) - len(signature.defaults)) + list(signature.defaults)
        pairs = [*zip(positional, defaults), *zip(signature.kwonlyargs, signature.kw_defaults)]
        told += [default for param, default in pairs if param.arg == name and default is not None]
    tested = [n for n in scope.of(ast.Compare) if isinstance(n.left, ast.Name) and n.left.id == name]
    return any(_mentions_none(node) for node in [*told, *tested])


def _mentions_none(node: ast.AST) -> bool:
    words = [n.value if isinstance(n, ast.Constant) else getattr(n, "id", "") for n in ast.walk(node)]
    return any(w is None or (isinstance(w, str) and ("None" in w or "Optional" in w)) for w in words)


def _import_line(source: Source) -> Edit:
    """`import weakref` after the imports at the top, else after the docstring."""
    body = source.module.node.body
    after = 0
    for index, node in enumerate(body):
        doc = (
            index == 0
            and isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        )
        if not doc and not isinstance(node, (ast.Import, ast.ImportFrom)):
            break
        after = node.end_lineno or node.lineno
    if not after:
        return Edit(1, 0, 1, 0, "import weakref\n")
    column = len(source.lines[after - 1].encode("utf-8", "surrogateescape"))
    return Edit(after, column, after, column, "\nimport weakref")


_PROPOSALS: Tuple[Tuple[str, Callable[[Source, int], Iterator[List[Edit]]]], ...] = (
    ("bound", _bound),
    ("stream", _stream),
    ("clear-traceback", _clear_traceback),
)
