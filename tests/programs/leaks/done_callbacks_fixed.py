"""The callback is removed when the request is done.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import asyncio


class Request:
    def __init__(self, number):
        self.number = number
        self.body = bytes(200)

    def abort(self, future):
        self.body = b""


async def main():
    stopped = asyncio.get_running_loop().create_future()
    print("READY", flush=True)
    number = 0
    while not stopped.done():
        number += 1
        request = Request(number)
        stopped.add_done_callback(request.abort)
        await asyncio.sleep(0.005)
        stopped.remove_done_callback(request.abort)


if __name__ == "__main__":
    asyncio.run(main())
