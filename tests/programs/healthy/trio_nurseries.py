"""trio: nurseries, channels, cancel scopes.

Needs: trio
"""

import trio


async def produce(channel):
    number = 0
    async with channel:
        while True:
            number += 1
            await channel.send({"number": number})
            await trio.sleep(0.01)


async def handle(item):
    with trio.move_on_after(0.005 * (item["number"] % 3)):
        await trio.sleep(0.005)


async def consume(channel):
    async for item in channel:
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(handle, item)


async def main():
    send, receive = trio.open_memory_channel(10)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(produce, send)
        for _ in range(2):
            nursery.start_soon(consume, receive.clone())
        print("READY", flush=True)


if __name__ == "__main__":
    trio.run(main)
