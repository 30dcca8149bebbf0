"""An object registers a method of its own, and the class never takes it back.

## What it finds

`bus.on("event", self.method)`, `signal.connect(self.method)`, `x.add_listener(self.method)` and other registrations, in a class that
nowhere calls the opposite (`off`, `disconnect`, `remove_listener`, ...) or keeps what the registration returned.

## Why

What outlives the object holds its method, and the method the object: it stays as long as the bus, signal or loop does, and gets every
event still.

## Instead

Unregister where the object is closed; keep the handle that the registration returns and use it; a registry with weak methods.

## Limits

Off by default: whether the registry outlives the object, or keeps only weak references, is not in the text.
"""

from __future__ import annotations

import ast
from typing import Dict, Iterator, Set, Tuple

from unleak.check.finding import Finding
from unleak.check.module import Module
from unleak.check.names import holds, is_name, made_once, self_name
from unleak.check.rule import Facts
from unleak.check.rules.exit_hook_holds_object import HOOKS

RULE = Facts(
    summary="an object registers its method with something, and never takes it back",
    group="registry",
    remedy="unregister",
    kinds=("listener", "growing-container"),
    words=(
        r"\.\s*(?:on|connect|subscribe|register|bind|observe|add_\w+|attach|listen|addObserver|addCallback)\s*\(",
        r"\bself\.",
    ),
    fixes=(
        "home-assistant/core#49452",
        "mosquito/aio-pika@b6eddde18",
        "ipython/ipython@7dde77042",
        "kivy/kivy@aaac31c6b",
    ),
)
# What registers, and what takes it back.
PAIRS: Dict[str, Tuple[str, ...]] = {
    "on": ("off", "remove_listener", "removeListener"),
    "connect": ("disconnect",),
    "subscribe": ("unsubscribe",),
    "register": ("unregister", "deregister"),
    "bind": ("unbind", "funbind"),
    "observe": ("unobserve",),
    "attach": ("detach",),
    "listen": ("remove",),
    "addObserver": ("removeObserver",),
    "add_listener": ("remove_listener",),
    "add_observer": ("remove_observer",),
    "add_handler": ("remove_handler",),
    "add_callback": ("remove_callback",),
    "add_event_listener": ("remove_event_listener",),
    "add_subscriber": ("remove_subscriber",),
    "add_watch": ("remove_watch",),
    "add_signal_handler": ("remove_signal_handler",),
    "add_reader": ("remove_reader",),
    "add_writer": ("remove_writer",),
}


def check(module: Module) -> Iterator[Finding]:
    called: Dict[ast.ClassDef, Set[str]] = {}
    for call in module.nodes(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in PAIRS or module.name(call.func) in HOOKS:
            continue
        klass, method = module.method_of(call)
        if klass is None or method is None or not isinstance(module.parent(call), ast.Expr):
            continue  # a result that is kept may be the handle
        name = self_name(method)
        if _own_part(call.func.value, name) or not any(holds(module, a, name, klass) for a in call.args):
            continue
        if klass not in called:
            called[klass] = {n.attr for n in ast.walk(klass) if isinstance(n, ast.Attribute)}
        if not called[klass] & set(PAIRS[call.func.attr]) and not made_once(module, klass):
            text = "%s() keeps each %s that calls it here: nothing in the class takes it back" % (
                call.func.attr,
                klass.name,
            )
            yield module.finding(__name__, call, text, klass.name)


def _own_part(node: ast.AST, name: str) -> bool:
    """Whether the registry is the object itself: then it is a cycle, not a listener that outlives it."""
    return is_name(node, name)
