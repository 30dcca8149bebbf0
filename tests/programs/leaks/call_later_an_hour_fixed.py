"""The time-out is cancelled when the answer is there.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import asyncio


class Message:
    def __init__(self, number):
        self.number = number
        self.body = bytes(300)

    def expire(self):
        self.body = None


async def main():
    loop = asyncio.get_running_loop()
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        message = Message(number)
        handle = loop.call_later(3600, message.expire)
        await asyncio.sleep(0.005)
        handle.cancel()


if __name__ == "__main__":
    asyncio.run(main())
