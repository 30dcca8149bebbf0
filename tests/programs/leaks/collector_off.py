"""The collector is switched off to save time, and each request leaves a cycle.

Truth
-----
command: diagnose
verdict: leak
kind: reference-cycle
what: Request|Response|dict
site: LEAK|BACK
remedy: break-cycle|weakref|del
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
        self.request = request  # MARK: BACK
        self.body = bytes(100)


def serve(number):
    request = Request(number)
    request.response = Response(request)  # MARK: LEAK
    return len(request.response.body)


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
