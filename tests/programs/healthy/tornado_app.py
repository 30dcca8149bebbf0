"""Tornado: handlers, its own client, periodic callbacks.

Needs: tornado
Garbage: futures and requests
"""

import asyncio
import logging

from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.ioloop import PeriodicCallback
from tornado.netutil import bind_sockets
from tornado.template import Template
from tornado.web import Application, RequestHandler

logging.getLogger("tornado").setLevel(logging.CRITICAL)
PAGE = Template("<p>{{ name }}</p>{% for n in range(20) %}{{ n }} {% end %}")
TICKS = [0]


class Page(RequestHandler):
    async def get(self):
        await asyncio.sleep(0)
        self.write(PAGE.generate(name=self.get_argument("name")))


def tick():
    TICKS[0] += 1


async def main():
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(Application([("/", Page)])).add_sockets(sockets)
    PeriodicCallback(tick, 50).start()
    client = AsyncHTTPClient()
    url = "http://127.0.0.1:%d/?name=" % sockets[0].getsockname()[1]
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        await client.fetch(url + str(number))
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main())
