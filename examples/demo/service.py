"""A small order service: each order is answered as JSON and written to a log file of its own.

    service.py FOLDER      serves on a free port of 127.0.0.1, logs below FOLDER, prints `READY PORT`

Nothing here leaks: the files are closed when their order is done. Whether the service leaks depends on the release of
structlog: up to 25.5.0 its module dict WRITE_LOCKS keeps every file that was ever logged to.
"""
import os
import sys

import bottle
import structlog
from waitress.server import create_server

LOG_FILES = 50      # names are used again, so that the disk does not fill up

app = bottle.Bottle()
folder = sys.argv[1]


@app.post("/orders/<number:int>")
def accept(number):
    with open(os.path.join(folder, "order-%d.log" % (number % LOG_FILES)), "w") as file:
        log = structlog.wrap_logger(structlog.WriteLogger(file), processors=[structlog.processors.JSONRenderer()])
        log.info("accepted", order=number, lines=len(bottle.request.json["lines"]))
        log.info("paid", order=number)
    return {"order": number, "state": "accepted"}


def main():
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    print("READY", server.effective_port, flush=True)
    server.run()


if __name__ == "__main__":
    main()
