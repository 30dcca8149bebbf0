"""Freed objects that the interpreter keeps for reuse are no memory that native code lost."""

from interpreters import Interpreter
from targets import start_target

KEPT, LENGTH = 1200, 20
CODE = """
made = [tuple(range(i, i + %d)) for i in range(%d)]
del made
print("READY", flush=True)
input()
""" % (LENGTH, KEPT)
BLOCK = 208  # of a tuple of 20: two words of the collector, three of the header, 20 of its own


def test_tuples_in_the_free_list_are_not_native(interpreter: Interpreter, memory_of) -> None:
    with start_target(interpreter.exe, CODE) as target:
        target.wait_ready()
        sizes = memory_of(target.pid)["native_sizes"]
        target.send("go on")
        assert target.wait() == 0
    of_that_size = [size["blocks"] for size in sizes if size["allocator"] == "pymalloc" and size["block"] == BLOCK]
    assert sum(of_that_size) < KEPT // 2, sizes
