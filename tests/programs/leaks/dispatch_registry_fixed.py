"""The class of a document and its implementation are made once.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import functools
import time


@functools.singledispatch
def render(document):
    return "?"


Document = type("Document", (), {"title": "new"})
render.register(Document, lambda document: document.title)


def serve(number):
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
