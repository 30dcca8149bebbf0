"""singledispatch gets an implementation for a class made on the spot, for each document.

Truth
-----
command: diagnose
verdict: leak
kind: class-churn|listener|growing-container|unbounded-cache
what: type|Document|function|mappingproxy
holder: .*(registry|render).*
site: LEAK|register@functools.py|MADE
remedy: hoist|unregister|remove-entry|bound|weakref
"""

import functools
import time


@functools.singledispatch
def render(document):
    return "?"


def serve(number):
    Document = type("Document", (), {"title": "new %d" % number})  # MARK: MADE
    render.register(Document, lambda document: document.title)  # MARK: LEAK
    return render(Document())


def step():
    step.number += 1
    serve(step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.02)


if __name__ == "__main__":
    main()
