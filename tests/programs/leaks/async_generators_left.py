"""Asynchronous generators are left after their first value and kept, so that they could be gone on with.

Truth
-----
command: diagnose
verdict: leak
kind: pinned-frame|growing-container|unfinished-task
what: async_generator|bytes|bytearray|frame
holder: open
site: LEAK
remedy: close|remove-entry|bound|cancel
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
        self.open[number] = stream  # MARK: LEAK
        head = await stream.__anext__()
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
