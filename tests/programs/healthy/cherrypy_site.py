"""CherryPy with its pool of threads and a cookie session that is thrown away.

Needs: cherrypy
Garbage: cheroot's connections
"""

import http.client
import socket
import time

import cherrypy


class Site:
    @cherrypy.expose
    def index(self, name="you"):
        return "hello %s, %s" % (name, cherrypy.request.headers.get("Host"))

    @cherrypy.expose
    @cherrypy.tools.json_out()
    def data(self, size="10"):
        return {"values": list(range(int(size)))}


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def main():
    port = free_port()
    cherrypy.config.update({"server.socket_host": "127.0.0.1", "server.socket_port": port, "log.screen": False})
    cherrypy.config.update({"engine.autoreload.on": False})
    cherrypy.tree.mount(Site())
    cherrypy.engine.start()
    cherrypy.engine.wait(cherrypy.engine.states.STARTED)
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        client = http.client.HTTPConnection("127.0.0.1", port)
        client.request("GET", "/data?size=%d" % (number % 40) if number % 2 else "/?name=visitor%d" % number)
        client.getresponse().read()
        client.close()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
