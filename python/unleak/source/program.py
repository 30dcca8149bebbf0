"""The files of a target as one program: which module is which file, which files can matter for a name, what an import means.

Parsing is the expensive part, so a file is parsed only when a question needs it, and within a budget.
"""

import bisect
import os
import re
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Set, Tuple

from .files import TargetFiles
from .syntax import Import, Scope, Source, dotted, parsed

_LIBRARY = re.compile(r"(^|/)(site-packages|dist-packages)/|(^|/)lib(64)?/python3(\.\d+)?t?/|(^|/)lib/pypy|^<frozen ")
MAIN_MODULES = ("__main__", "__mp_main__")
"""The second is what a process that multiprocessing starts calls the main file of its parent."""
_SITE = re.compile(r"^.*/(?:site-packages|dist-packages|lib(?:64)?/python3(?:\.\d+)?t?)/")
_WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_FROZEN = re.compile(r"^<frozen ([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)>$")
_STANDARD = re.compile(r"^(.*/lib(?:64)?/python3(?:\.\d+)?t?/)(?!(?:site|dist)-packages/)")
_MAX_FOLLOW = 4  # re-exports followed from one import


class Limits:
    """How much work one set of questions may cost."""

    def __init__(
        self, *, parse_bytes: int = 24 << 20, files: int = 50000, text_bytes: int = 512 << 20, places: int = 8
    ) -> None:
        self.parse_bytes = parse_bytes  # source text parsed in all
        self.files = files  # files looked at
        self.text_bytes = text_bytes  # source text searched in all
        self.places = places  # places an answer lists


def _frozen_sources(reader: TargetFiles, files: Sequence[str]) -> Iterator[str]:
    """Files of modules that are built into the interpreter: their code says `<frozen NAME>`, their source lies in the standard library."""
    homes = dict.fromkeys(m.group(1) for m in map(_STANDARD.match, files) if m)
    home = next(iter(homes), None)
    for match in map(_FROZEN.match, dict.fromkeys(files)):
        if match is None or home is None:
            continue
        stem = home + match.group(1).replace(".", "/")
        for path in (stem + ".py", stem + "/__init__.py"):
            if reader.read(path, quiet=True) is not None:
                yield path
                break


class Program:
    """All that the answers need to know of the target's files."""

    def __init__(
        self, reader: TargetFiles, files: Iterable[str], main_file: str = "", limits: Optional[Limits] = None
    ) -> None:
        self.reader = reader
        self.limits = limits or Limits()
        self.main_file = main_file
        self.notes: List[str] = []
        named = [f for f in [main_file] + list(files) if isinstance(f, str) and f]
        unique = dict.fromkeys(f for f in named if not f.startswith("<"))
        unique.update(dict.fromkeys(_frozen_sources(reader, named)))
        if len(unique) > self.limits.files:
            self.notes.append("only the first %d of %d files were searched" % (self.limits.files, len(unique)))
        self.files: List[str] = [f for f in unique if f.endswith((".py", ".pyw")) or f == main_file][
            : self.limits.files
        ]
        self._sources: Dict[str, Optional[Source]] = {}
        self._parsed_bytes = 0
        self._text_bytes = 0
        self._by_stem: Dict[str, List[str]] = {}
        self.trackers: Dict[str, Any] = {}  # holder.Tracker by question
        self._blob = b""
        self._starts: List[Tuple[int, str]] = []  # where each file's text starts in the blob
        self._with_word: Dict[str, List[str]] = {}
        self._own: Optional[List[str]] = None
        self._library: Dict[str, bool] = {}
        self._used: Dict[str, bool] = {}
        self._unparsed: Dict[str, str] = {}
        self._bases: Dict[int, List[Scope]] = {}
        self._roots: Optional[List[str]] = None
        for path in self.files:
            self._by_stem.setdefault(_stem(path), []).append(path)

    # -- files --

    def is_library(self, path: str) -> bool:
        """Whether a file is the standard library's or an installed package's, and not the program's own."""
        found = self._library.get(path)
        if found is None:
            found = self._library[path] = path != self.main_file and bool(_LIBRARY.search(path))
        return found

    def speaks_of(self, path: str, module_name: str, class_name: str) -> bool:
        """Whether a file's text has the module in an import, or the class's name."""
        text = self.text(path)
        module = module_name.encode()
        parent, _, last = module.rpartition(b".")
        klass = class_name.rpartition(".")[2].encode()
        if module and (b"import " + module in text or b"from " + module in text):
            return True
        if parent and b"from " + parent in text and last in text:
            return True
        return len(klass) >= 4 and klass in text

    def is_standard(self, path: str) -> bool:
        """Whether a file belongs to the standard library."""
        return self.is_library(path) and "/site-packages/" not in path and "/dist-packages/" not in path

    def uses(self, path: str) -> bool:
        """Whether the program's own files import the package that a library file belongs to."""
        package = self.package(path).rpartition("/")[2].partition(".")[0]
        if package not in self._used:
            word = re.compile(
                rb"(?m)^\s*(?:import|from)\s+(?:[\w.]+\s*,\s*)*" + re.escape(package.encode()) + rb"(?!\w)"
            )
            name = package.encode()
            self._used[package] = any(name in self.text(p) and word.search(self.text(p)) for p in self._own_files())
        return self._used[package]

    def _own_files(self) -> List[str]:
        if self._own is None:
            self._own = [p for p in self.files if not self.is_library(p)]
        return self._own

    def package(self, path: str) -> str:
        """Folder of the outermost package (or the file itself) that a library file belongs to."""
        site = _SITE.match(path)
        if not site:
            return os.path.dirname(path)
        rest = path[site.end() :]
        return site.group(0) + rest.partition("/")[0]

    def text(self, path: str) -> bytes:
        """Bytes of a file, b"" if it cannot be read or the budget is used up."""
        if self._text_bytes > self.limits.text_bytes:
            return b""
        fresh = path not in self.reader._data
        data = self.reader.read(path) or b""
        if fresh:
            self._text_bytes += len(data)
        return data

    def source(self, path: str) -> Optional[Source]:
        """The parsed file; None with a note if it is absent, too much, or not Python that this interpreter parses."""
        if path in self._sources:
            return self._sources[path]
        data = self.text(path)
        found: Optional[Source] = None
        if data and self._parsed_bytes + len(data) > self.limits.parse_bytes:
            self._note(
                "not all files were parsed: the limit of %d MiB of source was reached" % (self.limits.parse_bytes >> 20)
            )
            return None
        if data:
            self._parsed_bytes += len(data)
            try:
                found = parsed(path, data)
            except (SyntaxError, ValueError, RecursionError, MemoryError, LookupError) as error:
                reason = getattr(error, "msg", None) or str(error) or type(error).__name__
                self._unparsed[path] = "%s could not be parsed: %s" % (path, reason)
        self._sources[path] = found
        return found

    def parsed(self, path: str) -> bool:
        """Whether a file was parsed (or tried) before: asking for it again costs nothing."""
        return path in self._sources

    def primary(self, path: str) -> Optional[Source]:
        """As `source`, for a file that an answer depends on: a note says why it cannot be parsed."""
        found = self.source(path)
        if path in self._unparsed:
            self._note(self._unparsed[path])
        return found

    def parsed_classes(self, name: str) -> List[Scope]:
        """Classes of a name in the files parsed so far."""
        return [c for s in self._sources.values() if s is not None for c in s.classes_named(name)]

    def files_with(self, word: str) -> List[str]:
        """Files in whose text an identifier stands. All texts are searched as one, which is much faster than each for itself."""
        found = self._with_word.get(word)
        if found is None:
            if not self._blob:
                self._join_texts()
            found = self._with_word[word] = [self._starts[k][1] for k in self._search(word.encode())] if word else []
        return found

    def _join_texts(self) -> None:
        parts, at = [], 1
        for path in self.files:
            text = self.text(path)
            self._starts.append((at, path))
            parts.append(text)
            at += len(text) + 1
        self._blob = b"\n" + b"\n".join(parts) + b"\n"

    def _search(self, word: bytes) -> Iterator[int]:
        """Indexes of the files that have the word, in order."""
        blob, starts, size = self._blob, self._starts, len(word)
        at, current = blob.find(word), 0
        while at >= 0 and starts:
            if blob[at - 1] in _WORD_BYTES or blob[at + size] in _WORD_BYTES:
                at = blob.find(word, at + 1)
                continue
            current = bisect.bisect_right(starts, (at, "\U0010ffff"), current) - 1
            yield current
            if current + 1 >= len(starts):
                return
            at = blob.find(word, starts[current + 1][0])

    def candidates(self, words: Iterable[str], first: Sequence[str] = ()) -> List[str]:
        """Files in whose text one of the words stands: `first`, the program's own, then libraries."""
        rank = {path: k - len(first) for k, path in enumerate(dict.fromkeys(first))}
        found = dict.fromkeys(path for word in dict.fromkeys(words) for path in self.files_with(word))
        order = {path: k for k, path in enumerate(self.files)}
        return sorted(
            found, key=lambda p: (rank.get(p, 1 if self.is_library(p) else 0), p != self.main_file, order.get(p, 0))
        )

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    # -- modules --

    def module_file(self, name: str) -> Optional[str]:
        """The file of a module by its dotted name; the main module is the main file."""
        if not name:
            return None
        if name in MAIN_MODULES:
            return self.main_file or None
        tail = name.replace(".", "/")
        ends = ("/%s.py" % tail, "/%s/__init__.py" % tail, "/%s.pyw" % tail)
        found = [p for p in self._by_stem.get(name.rpartition(".")[2], ()) if p.endswith(ends) or "/" + p in ends]
        if found:
            # A top-level module is nobody's submodule: the shortest path is the likeliest; the program's own shadows a library's.
            return min(found, key=lambda p: (self.is_library(p), p.count("/"), len(p)))
        if self.main_file and _stem(self.main_file) == name:
            return self.main_file
        for base in self._search_roots():
            for end in ends[:2]:
                if self.reader.read(base + end, quiet=True) is not None:
                    self.files.append(base + end)
                    self._by_stem.setdefault(_stem(base + end), []).append(base + end)
                    return base + end
        return None

    def _search_roots(self) -> List[str]:
        """Folders that modules lie in, as far as the known files tell: the main file's, site-packages, the standard library."""
        if self._roots is None:
            roots = dict.fromkeys([os.path.dirname(self.main_file)] if self.main_file else [])
            for path in self.files:
                site = _SITE.match(path)
                if site:
                    roots[site.group(0).rstrip("/")] = None
            self._roots = [r for r in roots if r][:16]
        return self._roots

    def import_file(self, source: Source, target: Import) -> Tuple[Optional[str], str]:
        """File that an import reads from, and the name in it ("" for the module itself)."""
        base = target.module
        if target.level:
            folder = os.path.dirname(source.path)
            for _ in range(min(target.level, 64) - 1):
                folder = os.path.dirname(folder)
            stem = os.path.join(folder, *[p for p in base.split(".") if p])
            path = self._first_known([stem + ".py", stem + "/__init__.py"] if base else [stem + "/__init__.py"])
            if target.name:
                child = self._first_known([stem + "/" + target.name + ".py", stem + "/" + target.name + "/__init__.py"])
                if child is not None:
                    return child, ""
            return path, target.name
        if target.name:
            child = self._known_module(base + "." + target.name)
            if child is not None:
                return child, ""
        return self._known_module(base), target.name

    def _known_module(self, name: str) -> Optional[str]:
        tail = name.replace(".", "/")
        ends = ("/%s.py" % tail, "/%s/__init__.py" % tail)
        found = [p for p in self._by_stem.get(name.rpartition(".")[2], ()) if p.endswith(ends)]
        return min(found, key=lambda p: (self.is_library(p), p.count("/"), len(p))) if found else None

    def _first_known(self, paths: Sequence[str]) -> Optional[str]:
        for path in paths:
            if path in self._by_stem.get(_stem(path), ()):
                return path
        return None

    def resolve_import(
        self, source: Source, name: str, within: Optional[Callable[[str], bool]] = None
    ) -> Tuple[Optional[str], str]:
        """Where an imported name is defined: (file, name in it), re-exports followed; (None, "") if it is not known."""
        target = source.imports.get(name)
        for _ in range(_MAX_FOLLOW):
            if target is None:
                break
            path, attr = self.import_file(source, target)
            if path is None or not attr or (within is not None and not within(path)):
                return path, attr
            inner = self.source(path)
            if inner is None or attr in _own_names(inner.module) or attr not in inner.imports:
                return path, attr
            source, target = inner, inner.imports[attr]
        return None, ""

    def definition(
        self, scope: Scope, expr_name: str, within: Optional[Callable[[str], bool]] = None
    ) -> Optional[Scope]:
        """The function or class scope that a plain or dotted name means in `scope`, through imports; only files that
        `within` accepts are looked into for it."""
        head, _, rest = expr_name.partition(".")
        source = scope.source
        binder = scope.binder(head)
        own = [s for s in (binder.children if binder is not None else ()) if s.name == head]
        if own:
            return self._inside(own[-1], rest)
        path, attr = self.resolve_import(source, head, within)
        if path is None or (within is not None and not within(path)):
            return None
        inner = self.source(path)
        if inner is None:
            return None
        wanted = ".".join(p for p in (attr, rest) if p)
        head, _, rest = wanted.partition(".")
        own = [s for s in inner.module.children if s.name == head]
        if own:
            return self._inside(own[-1], rest)
        aliases = [dotted(b.value) for b in inner.module.bindings.get(head, ()) if b.how == "assign"]
        if len(aliases) == 1 and aliases[0] and not rest and aliases[0].partition(".")[0] != head:
            return self.definition(inner.module, aliases[0])
        if rest and head in inner.imports:
            return None
        if head in inner.imports and not rest:
            path, attr = self.resolve_import(inner, head)
            last = self.source(path) if path else None
            found = [s for s in last.module.children if s.name == attr] if last else []
            return found[-1] if found else None
        return None

    def _inside(self, scope: Scope, rest: str) -> Optional[Scope]:
        """A method or inner class by the names after the first; methods of ancestors too."""
        for part in rest.split(".") if rest else ():
            around = [scope] + (self.bases(scope) if scope.kind == "class" else [])
            inner = [s for a in around for s in a.children if s.name == part]
            if not inner:
                return None
            scope = inner[0]
        return scope

    def bases(self, klass: Scope) -> List[Scope]:
        """Class scopes of the known ancestors of a class, nearest first."""
        if id(klass) in self._bases:
            return self._bases[id(klass)]
        found: List[Scope] = []
        seen: Set[int] = {id(klass)}
        todo = [klass]
        self._bases[id(klass)] = found
        while todo and len(found) < 64:
            current = todo.pop(0)
            for base in current.node.bases:
                name = dotted(base)
                scope = self.definition(current.parent or current, name) if name else None
                if scope is not None and scope.kind == "class" and id(scope) not in seen:
                    seen.add(id(scope))
                    found.append(scope)
                    todo.append(scope)
        return found


def _own_names(module: Scope) -> Set[str]:
    return {name for name, found in module.bindings.items() if any(b.how != "import" for b in found)}


def _stem(path: str) -> str:
    folder, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0] or name
    return folder.rpartition("/")[2] if stem == "__init__" else stem
