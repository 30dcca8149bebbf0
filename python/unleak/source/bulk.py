"""Is what a variable holds read in one go from a source that can be read in parts, and how would it be read in parts?"""

import ast
from typing import Any, Iterator, List, NamedTuple, Optional, Tuple

from .kinds import callee
from .places import Place, place, ranked
from .program import Program
from .question import text_field
from .syntax import Scope, constant_text, dotted

_OPENERS = frozenset(
    {
        "open",
        "fdopen",
        "TextIOWrapper",
        "BufferedReader",
        "FileIO",
        "GzipFile",
        "ZipFile",
        "TarFile",
        "TemporaryFile",
        "NamedTemporaryFile",
    }
)
_NETWORK = frozenset(
    {
        "urlopen",
        "recv",
        "makefile",
        "get",
        "post",
        "request",
        "getresponse",
        "create_connection",
        "open_connection",
        "stream",
    }
)
_PROCESS = frozenset({"Popen", "check_output", "communicate", "run", "getoutput"})
_CURSORS = frozenset({"cursor", "execute", "executemany", "query", "filter", "select"})
_WHOLE_FILE = frozenset({"read_text", "read_bytes", "readall", "fromfile", "loadtxt", "genfromtxt"})
_COLLECTORS = frozenset({"list", "tuple", "sorted", "set", "dict", "bytes", "bytearray"})
_SCANS = frozenset({"find", "count", "index", "rfind", "startswith", "search", "findall", "finditer"})
_SINGLE_PASS = frozenset({"sum", "min", "max", "any", "all"})
_COMPREHENSIONS = {ast.ListComp: "list", ast.SetComp: "set", ast.DictComp: "dict"}  # and the type that each makes
_MINUS_ONE = ast.dump(ast.parse("-1", mode="eval").body)
_CHUNK = "1 << 20"
_DEPTH = 4


class Read(NamedTuple):
    """What an expression reads whole."""

    operation: str
    source: str  # file, socket, process, query, unknown
    streamable: bool
    call: ast.AST  # the call that reads
    handle: str  # the expression that is read from, "" if there is no name for it


def answer(program: Program, question: dict) -> Tuple[Optional[dict], str]:
    """The answer, or None and the reason."""
    path, name = text_field(question, "file"), text_field(question, "name")
    asked = question.get("line")
    line = asked if isinstance(asked, int) else 0
    source = program.source(path) if path else None
    if source is None:
        return None, "there is no source of %s" % (path or "the file")
    function = text_field(question, "function")
    scopes = [
        s
        for s in source.functions(function)
        if s.kind == "module" or s.first_line <= (line or s.first_line) <= (s.node.end_lineno or 0)
    ]
    scope = scopes[0] if scopes else source.function_at(line) if line else source.module
    if question.get("slot") is True and not name:
        being_built = _being_built(program, scope, line, text_field(question, "type"))
        if being_built is not None:
            return being_built, ""
        sort = _sort_at(scope, line)
        if sort is not None:
            return _of_sorted(program, question, *sort), ""
    found: List[Tuple[float, Place, Read]] = []
    for node, value, near in _assignments(scope, name, line):
        read = classify(program, value, scope) or _stage(program, name, value, scope)
        if read is not None:
            found.append((near, place(scope, node, read.operation, near), read))
    if not found:
        for node in _never_read(scope, name):
            read = Read("list", "unknown", True, node, "")
            found.append((0.9, place(scope, node, node.func.attr, 0.9), read))
    if not found:
        for node, value, near in _temporaries(scope, line):
            read = classify(program, value, scope)
            if read is not None:
                found.append((near * 0.6, place(scope, node, read.operation, near * 0.6), read))
    if not found:
        return None, "%s in %s is not read in one go, as far as the source tells" % (
            name or "the value",
            function or path,
        )
    best = max(found, key=lambda item: item[0])
    read = best[2]
    places = ranked(program, [f[1] for f in found], program.limits.places)
    return {
        "places": places,
        "streamable": read.streamable,
        "source": read.source,
        "chunked": _chunked(scope, name, read),
    }, ""


def _being_built(program: Program, scope: Scope, line: int, made_type: str) -> Optional[dict]:
    """What a comprehension that runs at a line makes: until it is done, its list is a value without a name."""
    parents = scope.source.parents
    kinds = tuple(kind for kind, name in _COMPREHENSIONS.items() if name == made_type)
    inside = [n for n in ast.walk(scope.node) if isinstance(n, kinds) and _covers(n, line)]
    for made in sorted(inside, key=lambda n: (n.end_lineno or n.lineno) - n.lineno):
        use = parents.get(made)
        if isinstance(use, (ast.Assign, ast.AnnAssign)):
            target = use.targets[0] if isinstance(use, ast.Assign) else use.target
            name = target.id if isinstance(target, ast.Name) else ""
            read = classify(program, made, scope) or (_stage(program, name, made, scope) if name else None)
        elif _takes_items_once(use, made):
            use, name = made, ""
            generated = _is_generated(program, made, scope, 0)
            read = classify(program, made, scope) or (_list_of(made, "unknown") if generated else None)
        else:
            continue
        return {
            "places": [place(scope, use, read.operation if read else "list", 0.95)],
            "streamable": read is not None and read.streamable,
            "source": read.source if read else "unknown",
            "chunked": _chunked(scope, name, read) if read else "",
            "variable": name,
        }
    return None


def _sort_at(scope: Scope, line: int) -> Optional[Tuple[Scope, ast.Call, str]]:
    """The `NAME.sort()` that a line is in, with its scope: while it runs the items are in no list. A key's function may run."""
    here: Optional[Scope] = scope
    while here is not None:
        for node in here.of(ast.Call):
            func = node.func
            if isinstance(func, ast.Attribute) and func.attr == "sort" and isinstance(func.value, ast.Name):
                if not node.args and _covers(node, line):
                    return here, node, func.value.id
        here = here.parent
    return None


def _of_sorted(program: Program, question: dict, scope: Scope, call: ast.Call, name: str) -> dict:
    """The answer for the variable whose list is sorted; where nothing reads it in one go the line of the sort itself."""
    asked = {"file": scope.source.path, "function": scope.qualname, "line": call.lineno, "name": name}
    found, _ = answer(program, {**question, **asked, "slot": False})
    if found is None:
        found = {"places": [place(scope, call, "sort", 0.9)], "streamable": False, "source": "unknown", "chunked": ""}
    return {**found, "variable": name}


def _covers(node: ast.AST, line: int) -> bool:
    return bool(node.lineno <= line <= (node.end_lineno or node.lineno))  # type: ignore[attr-defined]


def _takes_items_once(use: Optional[ast.AST], made: ast.AST) -> bool:
    """A loop over, or a call that takes one item after the other and keeps none."""
    if isinstance(use, (ast.For, ast.AsyncFor)):
        return use.iter is made
    return isinstance(use, ast.Call) and dotted(use.func) in _SINGLE_PASS and made in use.args


def _list_of(made: Any, source: str) -> Read:
    return Read("list", source, True, made, dotted(made.generators[0].iter))


def _assignments(scope: Scope, name: str, line: int) -> Iterator[Tuple[ast.AST, ast.expr, float]]:
    """What a variable is assigned in a scope; the assignment that is nearest before the line counts most."""
    binder = scope.binder(name) if name else None
    found = [
        b
        for b in (binder.bindings.get(name, ()) if binder is not None else ())
        if b.value is not None and b.how in ("assign", "with", "part")
    ]
    placed = [(b.value if b.how == "with" else b.node, b.value) for b in found if b.value is not None]
    latest = max((node.lineno for node, _ in placed if node.lineno <= line), default=0) if line else 0
    for node, value in placed:
        near = 0.95 if node.lineno == latest or not line else 0.7 if node.lineno < line else 0.6
        yield node, value, near
    for node in scope.of(ast.AugAssign):
        if isinstance(node.target, ast.Name) and node.target.id == name:
            yield node, node.value, 0.8
    for node in scope.of(ast.Call):
        func = node.func
        if (
            isinstance(func, ast.Attribute)
            and func.attr in ("append", "extend")
            and dotted(func.value) == name
            and node.args
        ):
            yield node, node.args[0], 0.7


def _temporaries(scope: Scope, line: int) -> Iterator[Tuple[ast.AST, ast.expr, float]]:
    """Calls of a scope, for a value that no variable holds; the nearest to the line counts most."""
    for node in scope.of(ast.Call):
        far = abs(node.lineno - line) if line else 5
        yield node, node, 0.95 if far == 0 else 0.8 / (1 + 0.1 * far)


def classify(program: Program, value: Optional[ast.expr], scope: Scope, depth: int = 0) -> Optional[Read]:
    """What an expression reads whole; None if nothing."""
    if depth > _DEPTH or value is None:
        return None
    if isinstance(value, (ast.Await, ast.NamedExpr, ast.Starred)):
        return classify(program, value.value, scope, depth + 1)
    if isinstance(value, ast.Subscript):
        return classify(program, value.value, scope, depth + 1)
    if isinstance(value, ast.IfExp):
        return classify(program, value.body, scope, depth + 1) or classify(program, value.orelse, scope, depth + 1)
    if isinstance(value, tuple(_COMPREHENSIONS)):
        handle = value.generators[0].iter
        source = source_of(handle, scope)
        whole = classify(program, handle, scope, depth + 1)
        return _list_of(value, whole.source if whole else source) if whole or source != "unknown" else None
    if isinstance(value, ast.Attribute) and value.attr in ("content", "text", "data", "body"):
        source = source_of(value.value, scope)
        return Read("read", source, True, value, dotted(value.value)) if source == "socket" else None
    if isinstance(value, ast.Attribute) and value.attr in ("stdout", "stderr"):
        ended = _last_value(scope, value.value) if isinstance(value.value, ast.Name) else value.value
        return _call(program, ended, scope, depth + 1) if isinstance(ended, ast.Call) and _is_captured(ended) else None
    if isinstance(value, ast.Call):
        return _call(program, value, scope, depth)
    return None


def _last_value(scope: Scope, name: ast.Name) -> Optional[ast.expr]:
    binder = scope.binder(name.id)
    values = [b.value for b in (binder.bindings.get(name.id, ()) if binder is not None else ()) if b.how == "assign"]
    return values[-1] if values else None


def _is_captured(call: ast.Call) -> bool:
    """`subprocess.run` and what wraps it, with the output kept: what it returns when the child has ended."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
    return name == "run" and any(k.arg in ("capture_output", "stdout", "stderr") for k in call.keywords)


def _stage(program: Program, name: str, value: ast.expr, scope: Scope) -> Optional[Read]:
    """A list of all that a generator yields, of which the function only takes one item after the other."""
    if not isinstance(value, (ast.ListComp, ast.SetComp)) or not _is_generated(program, value, scope, 0):
        return None
    if not _is_only_looped_over(scope, name):
        return None
    return _list_of(value, "unknown")


def _is_generated(program: Program, value: ast.expr, scope: Scope, depth: int) -> bool:
    """A comprehension over what a generator function yields, or over another comprehension of that kind."""
    if depth > _DEPTH or not isinstance(value, (ast.ListComp, ast.SetComp)):
        return False
    source = value.generators[0].iter
    if isinstance(source, ast.Call):
        target = callee(program, source.func, scope)
        return (
            target is not None
            and target.kind == "function"
            and any(isinstance(n, ast.Yield) for n in ast.walk(target.node))
        )
    if not isinstance(source, ast.Name):
        return False
    values = [b.value for b in scope.bindings.get(source.id, ())]
    return len(values) == 1 and values[0] is not None and _is_generated(program, values[0], scope, depth + 1)


def _is_only_looped_over(scope: Scope, name: str) -> bool:
    """Each use of a variable takes its items once, in order: no length, index, sort or second function that keeps it."""
    loops = 0
    uses = 0
    for node in ast.walk(scope.node):
        if isinstance(node, ast.Name):
            uses += node.id == name and isinstance(node.ctx, ast.Load)
        elif isinstance(node, (ast.For, ast.comprehension)):
            loops += isinstance(node.iter, ast.Name) and node.iter.id == name
    return uses == loops > 0


def _never_read(scope: Scope, name: str) -> List[Any]:
    """The calls that append to a local list of which at most the last item, or the length, is ever looked at again."""
    binder = scope.binder(name) if name else None
    if binder is not scope or scope.kind != "function":
        return []
    bound = scope.bindings[name]
    if not all(b.how == "assign" and isinstance(b.value, ast.List) and not b.value.elts for b in bound):
        return []
    parents = scope.source.parents
    appends = []
    for node in ast.walk(scope.node):
        if not isinstance(node, ast.Name) or node.id != name or not isinstance(node.ctx, ast.Load):
            continue
        use = parents.get(node)
        call = parents.get(use) if use is not None else None
        if isinstance(use, ast.Attribute) and use.attr in ("append", "extend") and isinstance(call, ast.Call):
            appends.append(call)
        elif not (isinstance(use, ast.Subscript) and _is_last(use)) and not (
            isinstance(use, ast.Call) and dotted(use.func) == "len"
        ):
            return []
    return appends


def _is_last(use: ast.Subscript) -> bool:
    index = use.slice
    return isinstance(use.ctx, ast.Load) and isinstance(index, ast.UnaryOp) and ast.dump(index) == _MINUS_ONE


def _call(program: Program, call: ast.Call, scope: Scope, depth: int) -> Optional[Read]:
    func = call.func
    name = func.attr if isinstance(func, ast.Attribute) else dotted(func)
    receiver = func.value if isinstance(func, ast.Attribute) else None
    target = callee(program, func, scope)
    if target is not None and target.kind == "function" and not program.is_library(target.source.path):
        return _returned(program, target, call, depth)
    known = _method(name, call, receiver, scope)
    if known is not None:
        return known
    if name in ("loads", "load", "safe_load", "fromstring", "parse") and call.args:
        inner = classify(program, call.args[0], scope, depth + 1)
        source = inner.source if inner else source_of(call.args[0], scope)
        if name in ("loads", "fromstring") and inner is None and source == "unknown":
            return None
        return Read("loads" if name in ("loads", "fromstring") else "load", source, True, call, dotted(call.args[0]))
    if name == "join" and call.args:
        inner = classify(program, call.args[0], scope, depth + 1)
        source = inner.source if inner else _joined_source(program, call.args[0], scope)
        return Read("join", source, source != "unknown", call, "")
    if name in _COLLECTORS and receiver is None and call.args:
        inner = classify(program, call.args[0], scope, depth + 1)
        source = inner.source if inner else source_of(call.args[0], scope)
        if inner is None and isinstance(call.args[0], (ast.List, ast.Tuple, ast.Dict, ast.Constant)):
            return None
        return Read("list", source, True, call, dotted(call.args[0]))
    if receiver is not None and name in (
        "decode",
        "splitlines",
        "split",
        "strip",
        "encode",
        "tolist",
        "copy",
        "values",
        "items",
    ):
        return classify(program, receiver, scope, depth + 1)
    if target is not None and target.kind == "function":
        return _returned(program, target, call, depth)
    return None


def _returned(program: Program, target: Scope, call: ast.Call, depth: int) -> Optional[Read]:
    """What a function reads whole and returns."""
    for node in target.of(ast.Return):
        returned = node.value
        if isinstance(returned, ast.Name):
            values = [b.value for b in target.bindings.get(returned.id, ()) if b.how == "assign"]
            returned = values[-1] if values else returned
        inner = classify(program, returned, target, depth + 1)
        if inner is not None:
            return inner._replace(call=call)
    return None


def _method(name: str, call: ast.Call, receiver: Optional[ast.expr], scope: Scope) -> Optional[Read]:
    """Methods and functions that read a source to its end."""
    if name == "read" and receiver is not None:
        first = call.args[0] if call.args else None
        minus = isinstance(first, ast.UnaryOp) or (isinstance(first, ast.Constant) and first.value is None)
        if first is None or minus:
            return Read("read", source_of(receiver, scope), True, call, dotted(receiver))
        return None
    if name == "readlines" and receiver is not None and not call.args:
        return Read("readlines", source_of(receiver, scope), True, call, dotted(receiver))
    if name in _WHOLE_FILE or (name.startswith("read_") and len(name) > 5):
        chunks = {k.arg for k in call.keywords} & {"chunksize", "iterator", "nrows"}
        return None if chunks else Read("read", "file", True, call, dotted(receiver))
    if name == "fetchall" or (name == "all" and receiver is not None and not call.args):
        return Read("fetchall", "query", True, call, dotted(receiver))
    if name in ("check_output", "communicate", "getoutput") or _is_captured(call):
        return Read("read", "process", True, call, "")
    if name == "json" and receiver is not None and not call.args and source_of(receiver, scope) == "socket":
        return Read("load", "socket", True, call, dotted(receiver))
    if name == "load" and any(k.arg == "mmap_mode" for k in call.keywords):
        return None
    return None


def _joined_source(program: Program, expr: ast.expr, scope: Scope) -> str:
    """Where the parts of a join come from: what a list variable was given."""
    name = dotted(expr)
    for _, value, _ in _assignments(scope, name, 0) if name else ():
        read = classify(program, value, scope, 2)
        if read is not None:
            return read.source
        if (
            isinstance(value, ast.Call)
            and isinstance(value.func, ast.Attribute)
            and value.func.attr in ("recv", "read", "readline")
        ):
            return "socket" if value.func.attr == "recv" else source_of(value.func.value, scope)
    return source_of(expr, scope)


def source_of(expr: Optional[ast.expr], scope: Scope, depth: int = 0) -> str:
    """What kind of source an expression reads from: file, socket, process, query, or unknown."""
    if expr is None or depth > _DEPTH:
        return "unknown"
    if isinstance(expr, ast.Call):
        name = expr.func.attr if isinstance(expr.func, ast.Attribute) else dotted(expr.func)
        if name in _OPENERS:
            return "file"
        if name in _PROCESS:
            return "process"
        if name in _CURSORS:
            return "query"
        if name in _NETWORK and (name != "get" or _is_url_call(expr, scope)):
            return "socket"
        if isinstance(expr.func, ast.Attribute):
            inner = source_of(expr.func.value, scope, depth + 1)
            if inner != "unknown":
                return inner
        return next((s for s in (source_of(a, scope, depth + 1) for a in expr.args[:2]) if s != "unknown"), "unknown")
    if isinstance(expr, ast.Attribute):
        if expr.attr in ("stdout", "stderr"):
            return "process"
        return "file" if expr.attr == "stdin" else source_of(expr.value, scope, depth + 1)
    if isinstance(expr, ast.Name):
        binder = scope.binder(expr.id)
        for binding in reversed(binder.bindings.get(expr.id, ()) if binder is not None else ()):
            if binding.how in ("assign", "with") and binding.value is not expr:
                found = source_of(binding.value, binder or scope, depth + 1)
                if found != "unknown":
                    return found
        low = expr.id.lower()
        if binder is not None and any(b.how == "param" for b in binder.bindings.get(expr.id, ())):
            return (
                "file"
                if low in ("f", "fp", "fh", "file", "fileobj", "infile", "stream")
                else "socket"
                if low in ("sock", "response", "resp")
                else "query"
                if low in ("cursor", "cur")
                else "unknown"
            )
    return "unknown"


def _is_url_call(call: ast.Call, scope: Scope) -> bool:
    """`x.get(url)` of an imported module or a session, and not of a dict."""
    head = dotted(call.func).partition(".")[0]
    first = call.args[0] if call.args else None
    text = constant_text(first) or (dotted(first) if first is not None else "")
    return head in scope.source.imports or "url" in text.lower() or text.startswith("http")


# -- how it is used, and what would do --


def _chunked(scope: Scope, name: str, read: Read) -> str:
    """The reading in parts that fits what is done with the value afterwards."""
    handle = read.handle if read.handle and read.operation in ("read", "readlines", "list", "load") else "f"
    uses = list(_uses(scope, name)) if name else []
    if read.operation == "fetchall":
        return "for row in %s: ..." % (read.handle or "cursor")
    if read.operation in ("load", "loads"):
        if any(kind == "loop" for kind, _ in uses) or not uses:
            return (
                "write one record a line, then: for line in %s: record = loads(line); or an incremental parser (ijson.items)"
                % handle
            )
        return "an incremental parser (ijson), or one record a line"
    if not read.handle and isinstance(read.call, ast.Call) and dotted(read.call.func).startswith(name + "."):
        return "keep the last item only: nothing reads the others"
    if read.operation == "list" and read.source == "unknown":
        return "for item in %s: ..." % (read.handle or "the iterator")
    if read.operation in ("list", "readlines"):
        return "for line in %s: ..." % handle
    if read.source == "process":
        return "Popen(..., stdout=PIPE), then: for line in process.stdout: ..."
    if read.source == "socket" and not isinstance(read.call, ast.Call):
        return "open the response as a stream and read it in chunks of %s" % _CHUNK
    if isinstance(read.call, ast.Call):
        called = read.call.func.attr if isinstance(read.call.func, ast.Attribute) else ""
        if called.startswith("read_") and called not in ("read_text", "read_bytes"):
            return "read in parts: chunksize= or an iterator, one part at a time"
        if called in ("read_text", "read_bytes"):
            mode = '"rb"' if called == "read_bytes" else ""
            handle, opening = "f", "with %s.open(%s) as f: " % (read.handle or "path", mode)
            return opening + _loop(uses, handle)
    return _loop(uses, handle)


def _loop(uses: List[Tuple[str, str]], handle: str) -> str:
    by_line = any(kind == "lines" for kind, _ in uses) or (
        any(kind == "loop" for kind, _ in uses) and not any(kind == "scan" for kind, _ in uses)
    )
    if by_line:
        return "for line in %s: ..." % handle
    return "while chunk := %s.read(%s): ..." % (handle, _CHUNK)


def _uses(scope: Scope, name: str) -> Iterator[Tuple[str, str]]:
    """What is done with a variable: lines (split at newlines or searched for them), loop, scan, whole."""
    for inner in scope.walk():
        for node in inner.of(ast.Call):
            func = node.func
            if isinstance(func, ast.Attribute) and dotted(func.value) == name:
                newline = any(isinstance(a, ast.Constant) and a.value in ("\n", b"\n") for a in node.args)
                if func.attr == "splitlines" or newline or (func.attr == "split" and newline):
                    yield "lines", func.attr
                elif func.attr in _SCANS:
                    yield "scan", func.attr
            elif any(dotted(a) == name for a in node.args):
                called = dotted(func).rpartition(".")[2]
                yield (
                    (
                        "loop"
                        if called in ("enumerate", "iter", "map", "filter", "sum", "max", "min", "reader")
                        else "whole"
                    ),
                    called,
                )
        for node in inner.of(ast.For, ast.AsyncFor):
            if dotted(node.iter) == name:
                yield "loop", "for"
