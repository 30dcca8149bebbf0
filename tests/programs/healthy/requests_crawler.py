"""requests: a session with its pool against a local server; threads share the work; the seen pages are few.

Needs: requests
"""

import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests


class Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = "".join('<a href="/%d">' % (hash(self.path + str(n)) % 200) for n in range(10)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


def crawl(base, work, seen):
    with requests.Session() as session:
        while True:
            path = work.get()
            text = session.get(base + path, timeout=10).text
            for link in text.split('"')[1::2]:
                seen[link] = seen.get(link, 0) + 1
                if work.qsize() < 50:
                    work.put(link)
            time.sleep(0.02)


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    work, seen = queue.Queue(), {}
    work.put("/0")
    for _ in range(3):
        threading.Thread(target=crawl, args=("http://127.0.0.1:%d" % server.server_port, work, seen)).start()
    time.sleep(1)
    print("READY", flush=True)


if __name__ == "__main__":
    main()
