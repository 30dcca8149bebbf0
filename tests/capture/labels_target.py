"""Objects whose references have known names; prints their addresses as JSON, then waits for the end of its input."""

import json
import os
import threading


class Slots:
    __slots__ = ("left",)


class Plain:
    bound = 777

    def __init__(self, partner):
        self.partner = partner
        self.limit = 123456


SECRET_KEY = "no identifier: " + "x" * 3
TABLE = {"plain_key": [1], SECRET_KEY: [2], 17: [3]}
SLOTS = Slots()
SLOTS.left = [4]
PLAIN = Plain([5])
OLD = Plain([6])
OLD.__dict__["late"] = [7]
BIG = {"token%d" % i: None for i in range(5000)}


def outer():
    captured = [8]
    counted = 4242

    def inner(maximum=999):
        return captured, counted, maximum

    return inner


def generate(argument):
    variable = [argument]
    yield variable


INNER = outer()
GENERATOR = generate(PLAIN)
VARIABLE = next(GENERATOR)
STARTED = threading.Event()


def worker(handed):
    mine = [handed]
    STARTED.set()
    threading.Event().wait()
    return mine


THREAD = threading.Thread(target=worker, args=(PLAIN,), daemon=True)
THREAD.start()
STARTED.wait()


def main():
    local = [9]
    names = {name: id(value) for name, value in globals().items() if name.isupper()}
    names.update(
        globals=id(globals()), local=id(local), captured=id(INNER.__closure__[0].cell_contents),
        cell=id(INNER.__closure__[0]), partner=id(PLAIN.partner), limit=id(PLAIN.limit), counted=id(INNER.__closure__[1].cell_contents),
        maximum=id(INNER.__defaults__[0]), bound=id(Plain.bound), plain_class=id(Plain), left=id(SLOTS.left), late=id(OLD.late),
        secret=id(SECRET_KEY), plain_key=id(TABLE["plain_key"]), number=id(TABLE[17]), secret_value=id(TABLE[SECRET_KEY]),
        ident=threading.get_ident(), pid=os.getpid(), thread_ident=THREAD.ident,
    )
    print(json.dumps(names), flush=True)
    os.read(0, 1)  # the main thread waits here
    return local


main()
