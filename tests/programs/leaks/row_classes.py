"""A class is made for each query and kept by the text of the query, which is never the same.

Truth
-----
command: diagnose
verdict: leak
kind: class-churn|unbounded-cache|growing-container
what: type|Row|.*Row.*
holder: _classes
site: LEAK|MADE
remedy: hoist|bound|remove-entry
"""

import collections
import time

_classes = {}


def row_class(query, columns):
    key = query
    found = _classes.get(key)
    if found is None:
        found = collections.namedtuple("Row", columns)  # MARK: MADE
        _classes[key] = found  # MARK: LEAK
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
