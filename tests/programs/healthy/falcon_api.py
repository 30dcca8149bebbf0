"""Falcon: resources, a middleware that notes durations, media, errors; called without a server.

Needs: falcon
"""

import collections
import time

import falcon
from falcon import testing


class Durations:
    def __init__(self):
        self.last = collections.deque(maxlen=500)

    def process_request(self, request, response):
        request.context.began = time.perf_counter()

    def process_response(self, request, response, resource, succeeded):
        self.last.append(time.perf_counter() - request.context.began)


class Things:
    def on_get(self, request, response, number):
        if number % 11 == 0:
            raise falcon.HTTPNotFound(title="no thing %d" % number)
        response.media = {"number": number, "parts": [{"part": n} for n in range(10)]}


def main():
    app = falcon.App(middleware=[Durations()])
    app.add_route("/things/{number:int}", Things())
    client = testing.TestClient(app)
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        client.simulate_get("/things/%d" % number)
        time.sleep(0.01)


if __name__ == "__main__":
    main()
