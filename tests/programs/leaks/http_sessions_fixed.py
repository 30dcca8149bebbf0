"""A threaded HTTP service that forgets a visitor when the answer is sent.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import http.client
import itertools
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Session:
    def __init__(self, visitor):
        self.visitor = visitor
        self.basket = {"items": [], "note": "visitor %d" % visitor}


class Shop(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.sessions = {}
        self.numbers = itertools.count()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self):
        number = next(self.server.numbers)
        self.server.sessions[number] = Session(number)
        body = b"hello %d" % number
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        del self.server.sessions[number]

    def log_message(self, format, *args):
        pass


def main():
    shop = Shop()
    threading.Thread(target=shop.serve_forever, daemon=True).start()
    print("READY", flush=True)
    while True:
        client = http.client.HTTPConnection("127.0.0.1", shop.server_port)
        client.request("GET", "/")
        client.getresponse().read()
        client.close()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
