"""A web service of the standard library under load by itself: JSON in, SQLite, JSON out. Prints READY when it has been busy."""

import http.client
import http.server
import json
import socketserver
import sqlite3
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        database = sqlite3.connect(":memory:")
        database.execute("create table t (a integer, b text)")
        database.executemany("insert into t values (?, ?)", rows)
        answer = json.dumps(database.execute("select sum(a), count(b) from t").fetchall()).encode()
        database.close()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def client(port, calls):
    body = json.dumps([[i, "row %d" % i] for i in range(500)]).encode()
    for _ in range(calls):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/", body)
        connection.getresponse().read()
        connection.close()


def main():
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    clients = [threading.Thread(target=client, args=(server.server_port, 5)) for _ in range(4)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    threading.Thread(target=client, args=(server.server_port, 1 << 30), daemon=True).start()
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    sys.stdin.read()


main()
