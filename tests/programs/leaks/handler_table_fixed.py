"""The handler is registered once, at import.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time

HANDLERS = []


def handler(pattern):
    def register(function):
        HANDLERS.append((pattern, function))
        return function

    return register


class Request:
    def __init__(self, number):
        self.number = number
        self.headers = {"accept": "*/*", "number": str(number)}


@handler("/items")
def items(request):
    return request.number


def serve(request):
    return items(request)


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
