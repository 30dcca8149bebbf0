"""aiohttp: JSON over a kept-alive session, and web sockets that come and go.

Its compiled parts are left out: those of 3.14.5 lose a reference to a type with each coroutine of a web socket (the
count of Cython 3.2.5's type `coroutine` rises by sys.getrefcount while no instance lives), and unleak says so.

Needs: aiohttp
"""

import asyncio
import os

os.environ["AIOHTTP_NO_EXTENSIONS"] = "1"

from aiohttp import ClientSession, web  # noqa: E402

SOCKETS = set()


async def hello(request):
    return web.json_response({"hello": request.query["name"], "list": list(range(30))})


async def chat(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    SOCKETS.add(socket)
    try:
        async for message in socket:
            for other in list(SOCKETS):
                await other.send_str(message.data)
    finally:
        SOCKETS.discard(socket)
    return socket


async def visit(session, url, number):
    async with session.get(url + "/hello", params={"name": "visitor %d" % number}) as answer:
        await answer.json()
    if number % 5 == 0:
        async with session.ws_connect(url + "/chat") as socket:
            await socket.send_str("message %d" % number)
            await socket.receive()


async def main():
    app = web.Application()
    app.add_routes([web.get("/hello", hello), web.get("/chat", chat)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = "http://127.0.0.1:%d" % site._server.sockets[0].getsockname()[1]
    async with ClientSession() as session:
        print("READY", flush=True)
        number = 0
        while True:
            number += 1
            await visit(session, url, number)
            await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main())
