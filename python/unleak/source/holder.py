"""Finds the expressions of a program that denote a holder's container.

A holder is a name (global, attribute, variable) and further steps from it to the container. An expression has a
level: 0 is what the name itself refers to, 1 what one step leads to, and so on to `Tracker.final`, the container.
Aliases, imports, attributes that were given the container, properties, functions that return it and functions that
get it as an argument (one call deep) are followed. Confidence (0..1) says how sure it is that the text means this holder.
"""

import ast
import json
import re
from typing import Any, Dict, List, Optional, Set, Tuple

from . import aliases
from .kinds import UNKNOWN, assigns, callee, cell_names, is_property, self_class, type_names
from .program import Program
from .question import text_field
from .settled import Asked, default_names
from .syntax import Binding, Scope, Source, constant_text, dotted

Level = Tuple[int, float]

_DEPTH = 7
_MAX_HOMES = 60
_MANGLED = re.compile(r"_([A-Za-z]\w*?)(__\w*[^_]_?)$")
_VIEWS = ("values", "items", "keys")
_COPIES = ("list", "tuple", "sorted", "reversed", "iter", "enumerate", "set")
_FUNCTION_KINDS = ("closure-variable", "local-variable", "default-argument")


class Tracker:
    """All that is known of one holder; `sources` are the files that can matter, the likeliest first."""

    def __init__(self, program: Program, question: dict) -> None:
        asked = Asked(question)
        self.program = program
        self.kind, self.name, self.module = asked.kind, asked.name, asked.module
        self.class_name, self.function, self.container = asked.class_name, asked.function, asked.container
        self.steps = asked.steps
        self.final = len(self.steps)
        self.path = text_field(question.get("holder"), "file") or program.module_file(self.module)
        if self.path is None and not self.module and self.kind == "module-global":
            self.path = self._home_of_global()
        self.anchor = max([k for k, s in enumerate(self.steps) if s.name and s.name != "__dict__"], default=-1)
        self.names = {self.name}
        mangled = _MANGLED.match(self.name)
        if mangled:
            self.names.add(mangled.group(2))
        self.changes: Optional[List[Any]] = None  # filled by mutations.scan
        self.params: Dict[Tuple[int, str], Level] = {}
        self.calls_followed: Dict[int, List[Tuple[Scope, ast.Call]]] = {}
        self.attribute_aliases: Dict[Tuple[int, str], Level] = {}
        self._memo: Dict[Tuple[int, str], Optional[Level]] = {}
        self._returns: Dict[int, Optional[Level]] = {}
        self._subclass: Dict[int, float] = {}
        self._mentions: Dict[str, float] = {}
        self._paths: Set[str] = set()
        self.classes: List[Scope] = []
        self.container_classes: List[Scope] = []
        self.owners: Set[int] = set()
        self._find_classes()
        self.sources: List[Source] = self._find_sources(question)
        self.known = bool(self.names - {""})  # whether there is a name to look for
        aliases.follow(self)

    # -- which files --

    def _home_of_global(self) -> Optional[str]:
        """The file whose module has a global of this name, where the snapshot does not know which module it is."""
        found: List[str] = []
        for path in self.program.candidates([self.name])[:_MAX_HOMES]:
            source = self.program.source(path)
            bindings = source.module.bindings.get(self.name, ()) if source is not None else ()
            if any(b.how != "import" for b in bindings):
                found.append(path)
        return found[0] if found else None

    def _find_classes(self) -> None:
        """The class of an attribute, and the class of the container if it is the program's."""
        if self.class_name:
            source = self.program.primary(self.path) if self.path else None
            if source is not None:
                self.classes = source.classes(self.class_name)[:4]
        for scope in self.classes:
            self._subclass[id(scope)] = 1.0
            self._add_descriptors(scope)
            for base in self.program.bases(scope):
                self._subclass.setdefault(id(base), 0.95)
                self._add_descriptors(base)
        module, _, name = self.container.rpartition(".")
        path = (
            self.program.module_file(module)
            if module and module not in ("builtins", "collections", "functools")
            else None
        )
        source = self.program.source(path) if path else None
        if source is not None:
            self.container_classes = source.classes(name)[:2]

    def _add_descriptors(self, klass: Scope) -> None:
        """`calls = delegated("calls")`, which keeps its value in `_mock_calls`: the attribute is known by both names."""
        for name, bindings in klass.bindings.items():
            if self.name.endswith("_" + name) and any(
                isinstance(b.value, ast.Call) and any(constant_text(a) == name for a in b.value.args) for b in bindings
            ):
                self.names.add(name)

    def _find_sources(self, question: dict) -> List[Source]:
        self.shared = self._shared_namespace()
        words = list(self.names) + ([self.steps[self.anchor].name] if self.anchor >= 0 else [])
        words += [step.key for step in self.steps if step.key and step.key.isidentifier()]
        first = [self.path] if self.path else []
        first += [s.source.path for s in self.classes + self.container_classes]
        for scope in list(self.classes):
            first += [b.source.path for b in self.program.bases(scope)]
        if self.kind in _FUNCTION_KINDS:
            first = self._function_files(question) or first
        if self.name == "__dict__":
            words += ["setattr", "vars", "globals"]
        if self.kind in _FUNCTION_KINDS and not self.name:
            sources = [self.program.primary(path) for path in first]
            functions = [f for s in sources if s is not None and self.function for f in s.functions(self.function)]
            find = default_names if self.kind == "default-argument" else cell_names
            self.names = {name for f in functions for name in find(self.program, f, self.container)}
            words += list(self.names)
        paths = self.program.candidates(words, first)
        self._paths = set(first + paths)
        if self.kind in _FUNCTION_KINDS and self.anchor < 0:
            paths = [p for p in paths if p in first]
        found: List[Source] = []
        for path in dict.fromkeys(first + paths):
            if path in first or self._can_matter(path):
                own = path in first or not self.program.is_library(path)
                source = self.program.primary(path) if own else self.program.source(path)
                if source is not None:
                    found.append(source)
            if len(found) >= aliases.MAX_SOURCES:
                break
        self._find_owners(found)
        return found

    def _function_files(self, question: dict) -> List[str]:
        """Files that can hold the function of a variable: the module's, those of the frames, those that define the name."""
        if self.path:
            return [self.path]
        last = self.function.rpartition(".")[2]
        frames = question.get("frames")
        files = [text_field(f, "file") for f in frames] if isinstance(frames, list) else []
        files = [f for f in files if f]
        if last and last != "<module>":
            word = re.compile(rb"def\s+" + re.escape(last.encode()) + rb"(?!\w)")
            files += [
                p
                for p in self.program.files
                if last.encode() in self.program.text(p) and word.search(self.program.text(p))
            ]
        elif self.program.main_file:
            files.append(self.program.main_file)
        return list(dict.fromkeys(files))[:20]

    def _can_matter(self, path: str) -> bool:
        """Whether a file that only has the name in it can mean this holder: it must also name the module or the class."""
        if not self.program.is_library(path) or not (self.module or self.class_name):
            return True
        if self.anchor >= 0 or self.shared:
            home = self.path is not None and self.program.package(path) == self.program.package(self.path)
            return home or self.program.uses(path)
        return self._mention(path) > 0.3 and (self.path is None or self.program.is_library(self.path))

    def _mention(self, path: str) -> float:
        """How likely a file speaks of the holder's module or class."""
        if path not in self._mentions:
            near = bool(self.path) and self.program.package(path) == self.program.package(self.path or "")
            self._mentions[path] = (
                0.55
                if path == self.path
                else 0.42
                if near or self.program.speaks_of(path, self.module, self.class_name)
                else 0.25
            )
        return self._mentions[path]

    def _find_owners(self, sources: List[Source]) -> None:
        """Scopes that a variable of a function lives in."""
        if self.kind not in _FUNCTION_KINDS:
            return
        for source in sources:
            for scope in source.functions(self.function) if self.function else [source.module]:
                for name in self.names:
                    self._own(scope, name)

    def _own(self, scope: Scope, name: str) -> None:
        binder = scope.binder(name)
        if binder is not None and name in binder.bindings:
            self.owners.add(id(binder))
        for inner in scope.walk() if not self.owners else ():  # the cell may be an inner function's
            if name in inner.bindings:
                self.owners.add(id(inner))

    def forget_levels(self) -> None:
        """What names and functions denote is found anew: more is known of them."""
        self._memo.clear()
        self._returns.clear()

    def own_attribute(self, expr: ast.Attribute, scope: Scope) -> Optional[Level]:
        """Level of an attribute that is the holder's own place; None of all others."""
        return self._attribute_base(expr, scope, 0)

    # -- levels --

    def level(self, expr: Optional[ast.expr], scope: Scope, depth: int = 0) -> Optional[Level]:
        """What the expression denotes on the way from the holder's name to its container; None if something else."""
        if depth > _DEPTH or expr is None:
            return None
        if isinstance(expr, ast.Name):
            return self._name_level(expr.id, scope, depth)
        if isinstance(expr, ast.Attribute):
            return self._attribute_level(expr, scope, depth)
        if isinstance(expr, ast.Subscript):
            return self._subscript_level(expr, scope, depth)
        if isinstance(expr, ast.Call):
            return self._call_level(expr, scope, depth)
        if isinstance(expr, (ast.NamedExpr, ast.Await)):
            return self.level(expr.value, scope, depth + 1)
        if isinstance(expr, ast.IfExp):
            return self.level(expr.body, scope, depth + 1) or self.level(expr.orelse, scope, depth + 1)
        if isinstance(expr, ast.BoolOp):
            for value in expr.values:
                found = self.level(value, scope, depth + 1)
                if found is not None:
                    return found
        return None

    def target_level(self, target: ast.expr, scope: Scope) -> Optional[Level]:
        """Level of an assignment's target: the holder's own place, not one of its aliases."""
        if isinstance(target, ast.Name):
            return self._name_base(target.id, scope)
        if isinstance(target, ast.Attribute):
            return self._attribute_base(target, scope, 0) or self._step_level(target, target.attr, scope, 0)
        if isinstance(target, ast.Subscript):
            return self._subscript_level(target, scope, 0)
        return None

    def dict_level(self, expr: ast.expr, scope: Scope) -> Optional[Level]:
        """Level of the __dict__ of an object, as `vars(x)`, `x.__dict__` or `setattr(x, ...)` reach it."""
        probe = ast.Attribute(value=expr, attr="__dict__", ctx=ast.Load())
        return self._attribute_level(probe, scope, 0)

    def _name_base(self, name: str, scope: Scope) -> Optional[Level]:
        if name not in self.names and not (self.kind == "module-global" and name in scope.source.imports):
            return None
        binder = scope.binder(name)
        if self.kind in _FUNCTION_KINDS:
            return (0, 1.0) if id(binder) in self.owners else None
        if self.kind == "module-global":
            if binder is not scope.source.module and not _import_binds(binder, name):
                return None
            if scope.source.path == self.path and name == self.name:
                return (0, 1.0)
            return self._imported_base(name, scope)
        if self.kind in ("class-attribute", "instance-attribute") and binder is not None and binder.kind == "class":
            near = self.class_confidence(binder)
            return (0, near) if near > 0.5 else None
        return None

    def _imported_base(self, name: str, scope: Scope) -> Optional[Level]:
        target = scope.source.imports.get(name)
        if target is None or not target.name:
            return None
        if not target.level and (target.module, target.name) == (self.module, self.name):
            return (0, 0.95)
        if target.name != self.name and name != self.name:
            return None
        path, attr = self.program.resolve_import(scope.source, name)
        return (0, 0.95) if path is not None and path == self.path and attr == self.name else None

    def _name_level(self, name: str, scope: Scope, depth: int) -> Optional[Level]:
        base = self._name_base(name, scope)
        if base is not None:
            return base
        binder = scope.binder(name)
        if binder is None:
            return None
        key = (id(binder), name)
        if key in self.params:
            return self.params[key]
        if key not in self._memo:
            self._memo[key] = None  # a name bound by itself ends here
            self._memo[key] = self._bound_level(binder, name, depth)
        return self._memo[key]

    def _bound_level(self, binder: Scope, name: str, depth: int) -> Optional[Level]:
        klass = self_class(name, binder)
        if klass is not None and self.container_classes:
            known = {id(c) for c in self.container_classes}
            if id(klass) in known:
                return (self.final, 0.75)
        for binding in binder.bindings.get(name, ()):
            found = self._binding_level(binding, binder, depth)
            if found is not None:
                return found
        return None

    def _binding_level(self, binding: Binding, scope: Scope, depth: int) -> Optional[Level]:
        if binding.how in ("with", "for") and isinstance(binding.value, ast.Call):
            given = self._yield_level(binding.value, scope, depth)
            if given is not None:
                return given
        if binding.how in ("assign", "with"):
            return self.level(binding.value, scope, depth + 1)
        if binding.how in ("for", "for-part"):
            return self._item_of_iterable(binding, scope, depth)
        if binding.how == "part":
            return self._item(self.level(binding.value, scope, depth + 1), 0.6)
        return None

    def _yield_level(self, call: ast.Call, scope: Scope, depth: int) -> Optional[Level]:
        """What a generator function (or a context manager made of one) gives."""
        target = callee(self.program, call.func, scope, self._paths.__contains__)
        for node in target.of(ast.Yield) if target is not None and target.kind == "function" else ():
            found = self.level(node.value, target, depth + 2)
            if found is not None:
                return (found[0], found[1] * 0.9)
        return None

    def _item_of_iterable(self, binding: Binding, scope: Scope, depth: int) -> Optional[Level]:
        expr = binding.value
        view = ""
        for _ in range(4):
            if not isinstance(expr, ast.Call):
                break
            name = expr.func.attr if isinstance(expr.func, ast.Attribute) else dotted(expr.func)
            if isinstance(expr.func, ast.Attribute) and name in _VIEWS:
                view, expr = name, expr.func.value
            elif name in _COPIES and expr.args:
                view, expr = ("items" if name == "enumerate" else view), expr.args[0]
            else:
                break
        if view == "keys" or (binding.how == "for-part" and (view != "items" or binding.position != 1)):
            return None
        if binding.how == "for" and view == "items":
            return None
        found = self.level(expr, scope, depth + 1)
        return self._item(found, 0.95 if view else 0.7)

    def _item(self, found: Optional[Level], factor: float = 1.0) -> Optional[Level]:
        if found is None or found[0] >= self.final or self.steps[found[0]].name not in ("", "__dict__"):
            return None
        return (found[0] + 1, found[1] * factor)

    def _subscript_level(self, expr: ast.Subscript, scope: Scope, depth: int) -> Optional[Level]:
        key = constant_text(expr.slice)
        if key is not None and key in self.names and isinstance(expr.value, (ast.Call, ast.Attribute)):
            owner = self._namespace_owner(expr.value)
            if owner == "globals" and self.kind == "module-global" and scope.source.path == self.path:
                return (0, 1.0)
            if isinstance(owner, ast.expr):
                return self._attribute_level(ast.Attribute(value=owner, attr=key, ctx=ast.Load()), scope, depth + 1)
        if self.shared and key == self.name:
            return (0, 0.45)
        found = self._item(self.level(expr.value, scope, depth + 1))
        wanted = self.steps[found[0] - 1].key if found is not None else None
        if found is None or wanted is None or key == wanted:
            return found
        fixed = isinstance(expr.slice, ast.Constant) or key is not None
        return None if fixed else (found[0], found[1] * 0.5)

    @staticmethod
    def _namespace_owner(expr: ast.expr) -> object:
        """The object whose __dict__ an expression is: "globals", a node, or None."""
        if isinstance(expr, ast.Attribute):
            return expr.value if expr.attr == "__dict__" else None
        if isinstance(expr, ast.Call) and isinstance(expr.func, ast.Name):
            if expr.func.id == "vars" and expr.args:
                return expr.args[0]
            if expr.func.id in ("globals", "vars"):
                return "globals"
        return None

    def _call_level(self, expr: ast.Call, scope: Scope, depth: int) -> Optional[Level]:
        name = dotted(expr.func)
        if isinstance(expr.func, ast.Attribute) and expr.func.attr in ("get", "setdefault", "__getitem__"):
            owner = self.level(expr.func.value, scope, depth + 1)
            found = self._item(owner) or self._default(owner)
            if found is not None:
                return found
        if name == "getattr" and len(expr.args) >= 2 and constant_text(expr.args[1]):
            attr = constant_text(expr.args[1]) or ""
            return self._attribute_level(ast.Attribute(value=expr.args[0], attr=attr, ctx=ast.Load()), scope, depth + 1)
        if name == "vars" and expr.args:
            return self.dict_level(expr.args[0], scope)
        if name in ("globals", "vars") and self.kind == "module-global" and self.name == "__dict__":
            return (0, 1.0) if scope.source.path == self.path else None
        if name.rpartition(".")[2] == "cast" and len(expr.args) == 2:
            return self.level(expr.args[1], scope, depth + 1)
        target = callee(self.program, expr.func, scope, self._paths.__contains__)
        if target is not None and target.kind == "function":
            return self._return_level(target, depth)
        return None

    def _default(self, owner: Optional[Level]) -> Optional[Level]:
        """What `get()` of a ContextVar gives that was never set: its default."""
        if owner is None or owner[0] >= len(self.steps) or self.steps[owner[0]].name != "default":
            return None
        return (owner[0] + 1, owner[1])

    def _return_level(self, function: Scope, depth: int) -> Optional[Level]:
        if id(function) not in self._returns:
            self._returns[id(function)] = None
            for node in function.of(ast.Return):
                found = self.level(node.value, function, depth + 2)
                if found is not None:
                    self._returns[id(function)] = (found[0], found[1] * 0.9)
                    break
        return self._returns[id(function)]

    # -- attributes --

    def _attribute_level(self, expr: ast.Attribute, scope: Scope, depth: int) -> Optional[Level]:
        base = self._attribute_base(expr, scope, depth)
        if base is not None:
            return base
        step = self._step_level(expr, expr.attr, scope, depth)
        if step is not None:
            return step
        klass = self._receiver_class(expr.value, scope)
        if klass is None:
            return None
        for scope_ in [klass] + (self.program.bases(klass) if self.attribute_aliases else []):
            if (id(scope_), expr.attr) in self.attribute_aliases:
                return self.attribute_aliases[(id(scope_), expr.attr)]
        method = next((s for s in klass.children if s.name == expr.attr and s.kind == "function"), None)
        if method is not None and is_property(method):
            return self._return_level(method, depth)
        return None

    def _step_level(self, expr: ast.Attribute, attr: str, scope: Scope, depth: int) -> Optional[Level]:
        """A further attribute step: exactly from the level before it, else by its name alone."""
        wanted = [k for k, step in enumerate(self.steps) if step.name == attr]
        if not wanted:
            return self._descriptor_level(expr, attr, scope)
        found = self.level(expr.value, scope, depth + 1)
        if found is not None and found[0] in wanted:
            return (found[0] + 1, found[1])
        if self.anchor in wanted:
            klass = self._receiver_class(expr.value, scope)
            own = klass is not None and assigns(klass, attr)
            return (self.anchor + 1, 0.5 if own else 0.35)
        return None

    def _descriptor_level(self, expr: ast.Attribute, attr: str, scope: Scope) -> Optional[Level]:
        """`self.items` of a class that keeps its attributes in a dict of its own: the entry under that name."""
        kept = [k for k, step in enumerate(self.steps) if step.key == attr]
        klass = self._receiver_class(expr.value, scope) if kept else None
        near = self.class_confidence(klass) if klass is not None and self.class_name else 0.0
        by_name = (kept[-1] + 1, 0.4) if kept and kept[-1] + 1 == self.final else None
        return (kept[-1] + 1, near * 0.9) if near > 0.5 else by_name

    def _shared_namespace(self) -> bool:
        """Whether a global is made by nobody in its module's own file: then others put it into the module's dict."""
        source = self.program.source(self.path) if self.path else None
        return self.kind == "module-global" and source is not None and self.name not in source.module.bindings

    def _attribute_base(self, expr: ast.Attribute, scope: Scope, depth: int) -> Optional[Level]:
        if expr.attr not in self.names:
            return None
        if self.kind == "module-global":
            return (0, 0.95) if expr.attr == self.name and self._is_module(expr.value, scope) else None
        if self.kind in ("class-attribute", "instance-attribute"):
            near = self._receiver(expr.value, scope, depth)
            return (0, near) if near > 0.05 else None
        return None

    def _is_module(self, expr: ast.expr, scope: Scope) -> bool:
        head, _, rest = dotted(expr).partition(".")
        target = scope.source.imports.get(head)
        if target is None or not _import_binds(scope.binder(head), head):
            return False
        full = ".".join(p for p in (target.module, target.name, rest) if p)
        if not target.level and full == self.module:
            return True
        path, attr = self.program.import_file(scope.source, target)
        if rest and not target.name and not target.level:
            path, attr = self.program.module_file(full), ""
        return path is not None and path == self.path and not attr

    def _receiver_class(self, expr: ast.expr, scope: Scope) -> Optional[Scope]:
        """The class that `self`, `cls`, `type(self)`, `self.__class__` or `super()` stand for."""
        if isinstance(expr, ast.Name):
            return self_class(expr.id, scope)
        if isinstance(expr, ast.Call) and dotted(expr.func) == "super":
            return scope.enclosing_class()
        if (
            isinstance(expr, ast.Call)
            and dotted(expr.func) == "type"
            and len(expr.args) == 1
            and isinstance(expr.args[0], ast.Name)
        ):
            return self_class(expr.args[0].id, scope)
        if isinstance(expr, ast.Attribute) and expr.attr == "__class__" and isinstance(expr.value, ast.Name):
            return self_class(expr.value.id, scope)
        return None

    def _receiver(self, expr: ast.expr, scope: Scope, depth: int) -> float:
        """How sure an expression is an instance (or the class itself) of the holder's class."""
        klass = self._receiver_class(expr, scope)
        if klass is not None:
            return self.class_confidence(klass)
        name = dotted(expr)
        wanted = self.class_name.rpartition(".")[2]
        if name and wanted and name.rpartition(".")[2] == wanted:
            target = self.program.definition(scope, name)
            return 1.0 if target is None or id(target) in self._subclass else 0.1
        if depth <= 3 and wanted:
            types = type_names(self.program, expr, scope, 2)
            if wanted in types:
                return 0.95
            if types - {"NoneType"} and UNKNOWN not in types and not (types & {c.name for c in self.classes}):
                return 0.1
        return self._mention(scope.source.path)

    def class_confidence(self, klass: Scope) -> float:
        """How sure an attribute of this class is the holder's: the class itself, an ancestor, a descendant."""
        if not self.class_name:
            return 0.6
        if id(klass) in self._subclass:
            return self._subclass[id(klass)]
        if self.classes:
            bases = self.program.bases(klass)
            known = {id(c) for c in self.classes}
            near = 0.9 if any(id(b) in known for b in bases) else 0.04
        else:
            near = 0.8 if klass.qualname == self.class_name or klass.name == self.class_name.rpartition(".")[2] else 0.1
        self._subclass[id(klass)] = near
        return near


def tracker_for(program: Program, question: dict) -> Tracker:
    """The tracker of a question's holder; questions about the same holder share one."""
    key = json.dumps([question.get("holder"), question.get("lone")], sort_keys=True)
    found = program.trackers.get(key)
    if found is None:
        found = program.trackers[key] = Tracker(program, question)
    return found


def _import_binds(binder: Optional[Scope], name: str) -> bool:
    return binder is not None and any(b.how == "import" for b in binder.bindings.get(name, ()))
