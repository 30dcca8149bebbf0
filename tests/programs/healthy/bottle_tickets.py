"""Bottle under wsgiref with a table of tickets that are opened and closed again.

Needs: bottle
Garbage: bottle's requests
"""

import threading
import time
import urllib.request
from wsgiref.simple_server import WSGIRequestHandler, make_server

import bottle

app = bottle.Bottle()
TICKETS = {}


@app.post("/tickets/<number:int>")
def add(number):
    TICKETS[number] = {"number": number, "text": "ticket %d" % number, "log": ["opened"]}
    for old in [n for n in TICKETS if n < number - 30]:
        del TICKETS[old]
    return TICKETS[number]


@app.get("/tickets")
def every():
    return bottle.template("% for t in tickets:\n{{t['text']}}\n% end", tickets=list(TICKETS.values()))


class Quiet(WSGIRequestHandler):
    def log_message(self, format, *args):
        pass


def main():
    server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = "http://127.0.0.1:%d/tickets" % server.server_port
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        urllib.request.urlopen(urllib.request.Request("%s/%d" % (url, number), method="POST")).read()
        urllib.request.urlopen(url).read()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
