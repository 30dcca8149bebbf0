"""The second wait is cancelled.

Truth
-----
command: diagnose
verdict: clean|not_a_leak|garbage
kind: reference-cycle
"""

import asyncio


class Channel:
    def __init__(self):
        self.closed = asyncio.Event()

    async def call(self, number):
        answer = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(answer.set_result, number)
        closing = asyncio.ensure_future(self.closed.wait())
        done, _ = await asyncio.wait([answer, closing], return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        return done.pop().result()


async def main():
    channel = Channel()
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        await channel.call(number)
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main())
