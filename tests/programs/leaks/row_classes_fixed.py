"""The class is kept by the names of its columns, of which there are few.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import collections
import time

_classes = {}


def row_class(query, columns):
    key = columns
    found = _classes.get(key)
    if found is None:
        found = collections.namedtuple("Row", columns)
        _classes[key] = found
    return found


def step():
    step.number += 1
    Row = row_class("select a, b from t where id = %d" % step.number, ("a", "b"))
    Row(step.number, 2)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.02)


if __name__ == "__main__":
    main()
