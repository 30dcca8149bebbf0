"""Each call waits for its answer or the end of the channel, and leaves the second wait behind.

Truth
-----
command: diagnose
verdict: leak
kind: unfinished-task|growing-container
what: Task|coroutine|Future
site: LEAK|wait@locks.py
remedy: cancel|remove-entry|bound
"""

import asyncio


class Channel:
    def __init__(self):
        self.closed = asyncio.Event()

    async def call(self, number):
        answer = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(answer.set_result, number)
        closing = asyncio.ensure_future(self.closed.wait())  # MARK: LEAK
        done, _ = await asyncio.wait([answer, closing], return_when=asyncio.FIRST_COMPLETED)
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
