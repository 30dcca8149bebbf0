"""Answers from bytecode, where the source is absent, not what runs, or newer than this interpreter parses.

There is no expression tree in instructions, only what is loaded and stored, statement by statement. A statement that
loads the holder's name and ends in a store of an item, or calls `append` and its kind, stores into it. Aliases are
followed within a function. All is less sure than the source, and says `from: bytecode`.
"""

from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from .bytecode import Code, Event
from .mutations import REMOVING, STORING, removes_by_name
from .places import Place
from .program import MAIN_MODULES, Program
from .question import parse_steps, text_field
from .removed import CLOCKS

_ADD_SCORE = 0.7
_FUNCTIONS = ("closure-variable", "local-variable", "default-argument")
_Answer = Tuple[Optional[dict], str]


class Compiled:
    """The code objects of a target's files that the snapshot carries."""

    def __init__(self, program: Program, found: List[Code]) -> None:
        self.program = program
        self.codes = found
        self.by_file: Dict[str, List[Code]] = {}
        for code in found:
            self.by_file.setdefault(code.file, []).append(code)

    def must_answer(self, file: Optional[str]) -> bool:
        """Whether the source of this file cannot be trusted, and its code objects are there."""
        return bool(file) and file in self.by_file and not self.matches_source(file or "")

    def matches_source(self, file: str) -> bool:
        """Whether the file on disk can be what runs: each function is where the code object says, and its names are there."""
        source = self.program.source(file)
        if source is None:
            return False
        there = {(s.name, s.first_line) for s in source.scopes if s.kind != "module"}
        text = self.program.text(file)
        for code in self.by_file.get(file, ()):
            if code.name.startswith("<"):
                continue
            if (code.name, code.first_line) not in there:
                return False
            if any(_plain(name) not in text for name in code.names if not name.startswith(("__", "."))):
                return False  # names with two underscores are the compiler's too
        return True

    def module_file(self, module: str) -> Optional[str]:
        """The file of a module among the code objects' files, which need not exist."""
        tail = module.replace(".", "/")
        ends = ("/%s.py" % tail, "/%s/__init__.py" % tail)
        if module in MAIN_MODULES:
            return self.program.main_file or None
        fits = [f for f in self.by_file if ("/" + f).endswith(ends)]
        return min(fits, key=lambda f: (f.count("/"), len(f))) if fits else None

    def answer(self, ask: str, question: dict) -> _Answer:
        """The answer, or None and the reason."""
        found = _ASKS[ask](self, question) if ask in _ASKS else None
        return found, "" if found else "nothing in the bytecode answers it"


def home(compiled: Compiled, question: dict) -> Optional[str]:
    """The file that a question is about, as far as it says."""
    holder = question.get("holder")
    file = text_field(holder, "file") or text_field(question, "file")
    module = text_field(holder, "module") or text_field(question, "from").rpartition(".")[0]
    if file or not module:
        listed = question.get("functions")
        first = listed[0] if isinstance(listed, list) and listed else None
        return file or text_field(first, "file") or None
    return compiled.module_file(module) or compiled.program.module_file(module)


def _plain(name: str) -> bytes:
    """A name as the text has it: without the class that the compiler puts before a private one."""
    private = name.find("__", 1)
    return (
        (name[private:] if name.startswith("_") and private > 1 and not name.endswith("__") else name)
        .rpartition(".")[2]
        .encode()
    )


# -- the holder in a statement --


class _Target(NamedTuple):
    """What to look for."""

    kind: str
    name: str
    function: str
    file: Optional[str]
    container: str


def _target(compiled: Compiled, question: dict) -> _Target:
    holder = question.get("holder")
    name = text_field(holder, "name")
    steps = parse_steps(holder.get("inner") if isinstance(holder, dict) else None)
    named = [step.name for step in steps if step.name and step.name not in ("__dict__", "data")]
    kind = text_field(holder, "kind")
    if named:  # the last attribute on the way is the most telling one
        kind, name = "instance-attribute", named[-1]
    return _Target(
        kind, name, text_field(holder, "function"), home(compiled, question), text_field(holder, "container")
    )


def _reads(target: _Target, code: Code, aliases: Set[str]) -> Callable[[Event], bool]:
    """Whether an event loads the holder's value."""
    inside = not target.function or code.name == target.function.rpartition(".")[2]

    def reads(event: Event) -> bool:
        if event.what == "load" and event.name in aliases and event.space in ("fast", "deref", "name"):
            return True
        if event.name != target.name:
            return False
        if target.kind in _FUNCTIONS:
            return event.what == "load" and event.space in ("fast", "deref") and (inside or event.space == "deref")
        if target.kind == "module-global":
            own = target.file is None or code.file == target.file or code.file.startswith("<")  # exec: in any module
            return event.what == "attr" or (event.what == "load" and event.space in ("global", "name") and own)
        return event.what == "attr"

    return reads


def _aliases(target: _Target, code: Code) -> Set[str]:
    """Variables that are given the holder's value and nothing else: `entries = self.entries`."""
    found: Set[str] = set()
    reads = _reads(target, code, found)
    for part in code.statements:
        last = part[-1]
        if last.what != "store" or not any(reads(e) for e in part):
            continue
        after = [e for e in part[:-1] if e.what not in ("load", "attr", "const")]
        if not after and reads(part[-2]):
            found.add(last.name)
    return found


def _candidates(compiled: Compiled, target: _Target) -> Iterator[Code]:
    for code in compiled.codes:
        if code.uses(target.name) and (
            target.kind not in _FUNCTIONS or target.file is None or code.file == target.file
        ):
            yield code


def _line(part: Sequence[Event]) -> int:
    return min((e.line for e in part if e.line), default=0)


def _place(code: Code, part: Sequence[Event], operation: str, score: float, **more: object) -> Place:
    found: Place = {
        "file": code.file,
        "line": _line(part) or code.first_line,
        "function": code.name,
        "qualname": code.qualname,
        "text": "",
        "from": "bytecode",
        "operation": operation,
        "score": round(score, 3),
    }
    found.update(more)
    return found


# -- stores and removals --


def _stored(compiled: Compiled, question: dict) -> Optional[dict]:
    target = _target(compiled, question)
    if not target.name:
        return None
    places: List[Place] = []
    if target.container.endswith("lru_cache_wrapper"):
        places += [_place(c, (), "decorate", 0.6) for c in compiled.codes if c.name == target.name]
    for code in _candidates(compiled, target):
        aliases = _aliases(target, code)
        reads = _reads(target, code, aliases)
        for part in code.statements:
            operation, weight = _storing(part, reads, target, code)
            if operation:
                near = 1.0 if target.file in (None, code.file) else 0.7
                places.append(_place(code, part, operation, _ADD_SCORE * weight * near * _running(code, question)))
    return _listed(places)


def _storing(part: Sequence[Event], reads: Callable[[Event], bool], target: _Target, code: Code) -> Tuple[str, float]:
    """The operation by which a statement stores into the holder, and how much it weighs; "" if it does not."""
    in_function = 1.0 if code.name != "<module>" else 0.4
    last = part[-1]
    at = [k for k, e in enumerate(part) if reads(e)]
    if at:
        methods = [e.name for e in part[at[0] :] if e.what == "attr" and e.name in STORING]
        if methods and any(e.what == "call" for e in part):
            return STORING[methods[-1]], in_function
        if last.what == "store_item":
            return "setitem", in_function
        if last.what in ("store", "store_attr") and last.name == target.name:
            return "extend", 0.8 * in_function
    names_it = last.name == target.name
    if names_it and last.what == "store_attr" and target.kind != "module-global":
        return "assign", 0.4 * in_function
    if names_it and last.what == "store" and last.space in ("global", "deref") and code.name != "<module>":
        return "assign", 0.4
    return "", 0.0


def _removed(compiled: Compiled, question: dict) -> Optional[dict]:
    target = _target(compiled, question)
    places: List[Place] = []
    for code in _candidates(compiled, target) if target.name else ():
        reads = _reads(target, code, _aliases(target, code))
        for part in code.statements:
            operation = _removing(part, reads)
            if operation:
                clock, bounded = any(n in CLOCKS for n in code.names), "len" in code.names
                places.append(_place(code, part, operation, _ADD_SCORE, reads_clock=clock, bounded=bounded))
    return _listed(places)


def _removing(part: Sequence[Event], reads: Callable[[Event], bool]) -> str:
    at = [k for k, e in enumerate(part) if reads(e)]
    if not at:
        return ""
    if part[-1].what == "delete_item":
        return "del"
    methods = [e.name for e in part[at[0] :] if e.what == "attr" and removes_by_name(e.name)]
    return REMOVING.get(methods[-1], "remove") if methods else ""


def _bound(compiled: Compiled, question: dict) -> Optional[dict]:
    """A length that is compared where entries go or are added: there is a bound, though its value is not known."""
    target = _target(compiled, question)
    for code in _candidates(compiled, target) if target.name else ():
        if "len" not in code.names:
            continue
        reads = _reads(target, code, _aliases(target, code))
        compared = [
            p
            for p in code.statements
            if any(e.what == "compare" for e in p) and any(reads(e) for e in p) and any(e.name == "len" for e in p)
        ]
        changes = any(_removing(p, reads) or _storing(p, reads, target, code)[0] for p in code.statements)
        if compared and changes:
            evicts = any(_removing(p, reads) for p in code.statements)
            return {
                "literal": None,
                "attribute": None,
                "how": "evicts" if evicts else "refuses",
                "value_known": False,
                "place": _place(code, compared[0], "compare", _ADD_SCORE),
            }
    return None


# -- edges of cycles --


def _edge(compiled: Compiled, question: dict) -> Optional[dict]:
    """Attribute stores by name, variables of frames, and the def lines of functions that are members."""
    from .edges import edge_name

    name = edge_name(text_field(question, "edge"))
    listed = question.get("functions")
    members = {
        (text_field(m, "file"), text_field(m, "function").rpartition(".")[2])
        for m in (listed if isinstance(listed, list) else ())
    }
    source = text_field(question, "from").rpartition(".")[2]
    places: List[Place] = []
    for code in compiled.codes:
        member = (code.file, code.name) in members
        if member and source in ("function", "cell"):
            places.append(_place(code, (), "def", 0.5))
        for part in code.statements if name and code.uses(name) else ():
            last = part[-1]
            if last.name == name and last.what == "store_attr":
                places.append(_place(code, part, "assign", 0.6 if member or not members else 0.5))
            elif last.name == name and last.what == "store" and member:
                places.append(_place(code, part, "assign", 0.6))
    return _listed(places)


def _running(code: Code, question: dict) -> float:
    frames = question.get("frames")
    seen = (
        {(text_field(f, "file"), text_field(f, "function").rpartition(".")[2]) for f in frames}
        if isinstance(frames, list)
        else set()
    )
    return 1.0 if not seen or (code.file, code.name) in seen else 0.92


def _listed(places: List[Place]) -> Optional[dict]:
    best: Dict[Tuple[object, object], Place] = {}
    for entry in sorted(places, key=lambda p: (-p["score"], p["file"], p["line"])):
        best.setdefault((entry["file"], entry["line"]), entry)
    return {"places": list(best.values())[:8]} if best else None


_ASKS: Dict[str, Callable[[Compiled, dict], Optional[dict]]] = {
    "stored": _stored,
    "removed": _removed,
    "bound": _bound,
    "edge": _edge,
}
