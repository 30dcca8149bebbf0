"""A holder as a snapshot sees it, brought into the terms of the source."""

from typing import List, Set

from .kinds import matches, short, type_names
from .program import Program
from .question import Step, parse_steps, text_field
from .syntax import Scope, default_values

_DEFAULTS = ("__defaults__", "__kwdefaults__")
CACHE_WRAPPER = "_lru_cache_wrapper"


class Asked:
    """The fields of a question's holder; `steps` lead from the name to the container."""

    def __init__(self, question: dict) -> None:
        holder = question.get("holder")
        self.kind = text_field(holder, "kind")
        self.name = text_field(holder, "name")
        self.module = text_field(holder, "module")
        self.class_name = text_field(holder, "class")
        self.function = text_field(holder, "function")
        self.container = text_field(holder, "container")
        self.steps: List[Step] = parse_steps(holder.get("inner") if isinstance(holder, dict) else None)
        self._interpreter()
        if question.get("lone") is True and self.steps and not self.steps[-1].name:
            # The way leads to one of the elements: the container is the step before.
            self.steps.pop()
            self.container = ""
        self._call_cache()
        self._defaults()

    def _interpreter(self) -> None:
        """Lists of the interpreter that a module shows under a name: sys.modules, gc.callbacks, the state of a module."""
        root, _, word = self.name.rpartition(" ")
        if self.kind != "interpreter":
            return
        if root == "module state":
            self.kind, self.module = "module-global", word
        elif root == "interpreter" and word.replace(".", "", 1).isidentifier() and "." in word:
            self.kind, (self.module, _, self.name) = "module-global", word.partition(".")

    def _call_cache(self) -> None:
        """The table of a functools cache is stored into by calls of what it wraps."""
        if self.steps and self.steps[-1].name == "cache" and self.container == "dict":
            self.steps.pop()
            self.container = CACHE_WRAPPER

    def _defaults(self) -> None:
        """`f.__defaults__[0]` is a parameter of f."""
        at = next((k for k, step in enumerate(self.steps) if step.name in _DEFAULTS), None)
        if at is None:
            return
        before, item = self.steps[:at], self.steps[at + 1 : at + 2]
        if self.kind == "instance-attribute" or any(not step.name for step in before):
            return  # a function in a container: its name is not known
        words = [self.class_name, self.name] + [step.name for step in before]
        self.function = ".".join(word for word in words if word)
        self.kind, self.class_name = "default-argument", ""
        self.name = (item[0].key or "") if item else ""
        self.steps = self.steps[at + 2 :]


def default_names(program: Program, function: Scope, container: str) -> Set[str]:
    """Parameters whose default value can be a container of this type."""
    sure: Set[str] = set()
    unsure: Set[str] = set()
    for name, value in default_values(function.node).items():
        fits = matches(type_names(program, value, function.parent or function), [short(container)])
        if fits:
            sure.add(name)
        elif fits is None:
            unsure.add(name)
    return sure or unsure
