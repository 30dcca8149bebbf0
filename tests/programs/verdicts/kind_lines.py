"""Source lines of generated code.

linecache keeps them under each made-up file name.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: list|tuple
holder: linecache.cache
line: LEAK
"""

import linecache

import pace


def step():
    step.number += 1
    text = "def f(x):\n    return x + %d\n" % step.number
    name = "<generated %d>" % step.number
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)  # MARK: LEAK
    space = {}
    exec(compile(text, name, "exec"), space)
    space["f"](1)


step.number = 0
pace.loop(step, rate=50)
