"""The request leaves none.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import gc
import time

gc.disable()


class Request:
    def __init__(self, number):
        self.number = number
        self.response = None


class Response:
    def __init__(self, request):
        self.request = request
        self.body = bytes(100)


def serve(number):
    request = Request(number)
    request.response = Response(request)
    size = len(request.response.body)
    request.response = None
    return size


def step():
    step.number += 1
    serve(step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
