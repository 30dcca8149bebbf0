"""A memo kept by hand in a module's dict; no two calls have the same argument.

Truth
-----
command: diagnose
verdict: leak
kind: unbounded-cache|growing-container
what: Route|tuple|str
holder: _routes
site: LEAK
remedy: bound|remove-entry
"""

import time

_routes = {}
_counter = 0


class Route:
    __slots__ = ("start", "goal", "steps")

    def __init__(self, start, goal):
        self.start = start
        self.goal = goal
        self.steps = list(range(start % 7))


def route(start, goal):
    key = (start, goal)
    if key not in _routes:
        _routes[key] = Route(start, goal)  # MARK: LEAK
    return _routes[key]


def step():
    global _counter
    _counter += 1
    route(_counter, _counter + 1)


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
