"""An asyncio server that takes each connection's writer out of its set when the peer has gone.

Truth
-----
command: diagnose
verdict: clean|not_a_leak|garbage
"""

import asyncio


class Chat:
    def __init__(self):
        self.writers = set()

    async def talk(self, reader, writer):
        self.writers.add(writer)
        try:
            while True:
                line = await reader.readline()
                if not line:
                    break
                writer.write(line.upper())
                await writer.drain()
        finally:
            writer.close()
            self.writers.discard(writer)


async def visit(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello\n")
    await reader.readline()
    writer.close()
    await writer.wait_closed()


async def main():
    chat = Chat()
    server = await asyncio.start_server(chat.talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print("READY", flush=True)
    while True:
        await visit(port)
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main())
