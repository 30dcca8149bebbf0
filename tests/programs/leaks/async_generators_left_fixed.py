"""They are closed.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import asyncio


class Reader:
    def __init__(self):
        self.open = {}

    async def chunks(self, number):
        data = bytearray(1000)
        while True:
            yield data[:10]
            await asyncio.sleep(0)

    async def head(self, number):
        stream = self.chunks(number)
        self.open[number] = stream
        head = await stream.__anext__()
        await self.open.pop(number).aclose()
        return head


async def main():
    reader = Reader()
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        await reader.head(number)
        await asyncio.sleep(0.005)


if __name__ == "__main__":
    asyncio.run(main())
