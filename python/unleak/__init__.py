"""unleak: finds what leaks memory in a running Python program, who holds it, and which line put it there.

For use inside of a program, imported when first used (docs/api.md): `watch`, `expect_freed`, `growth`, `explain`.
"""

__version__ = "0.1.0"

_API = {
    "watch": "watching",
    "expect_freed": "watching",
    "StillAlive": "watching",
    "Watch": "watching",
    "growth": "growing",
    "Grew": "growing",
    "explain": "explaining",
    "Explanation": "explaining",
}
__all__ = [
    "Explanation",
    "Grew",
    "StillAlive",
    "Watch",
    "__version__",
    "expect_freed",
    "explain",
    "growth",
    "watch",
]

TYPE_CHECKING = False  # as type checkers read it, without importing typing
if TYPE_CHECKING:
    from unleak.api.explaining import Explanation, explain
    from unleak.api.growing import Grew, growth
    from unleak.api.watching import StillAlive, Watch, expect_freed, watch


def __getattr__(name: str) -> object:
    if name not in _API:
        raise AttributeError("module %r has no attribute %r" % (__name__, name))
    import importlib

    value = getattr(importlib.import_module("unleak.api." + _API[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list:
    return sorted({*globals(), *_API})
