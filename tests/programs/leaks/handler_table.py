"""A decorator that registers handlers, used on an inner function: each request registers one more.

Truth
-----
command: diagnose
verdict: leak
kind: listener|growing-container
what: function|tuple|cell|dict|Request
holder: HANDLERS
site: LEAK|USED
remedy: unregister|remove-entry|hoist|bound|weakref
"""

import time

HANDLERS = []


def handler(pattern):
    def register(function):
        HANDLERS.append((pattern, function))  # MARK: LEAK
        return function

    return register


class Request:
    def __init__(self, number):
        self.number = number
        self.headers = {"accept": "*/*", "number": str(number)}


def serve(request):
    @handler("/items")  # MARK: USED
    def items():
        return request.number

    return items()


def step():
    step.number += 1
    serve(Request(step.number))


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
