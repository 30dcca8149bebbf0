"""Each request adds a done callback to the one future that ends the program.

Truth
-----
command: diagnose
verdict: leak
kind: listener|growing-container|unfinished-task
what: tuple|method|Request|Context|dict
holder: .*(stopped|Future|callbacks).*
site: LEAK
remedy: unregister|remove-entry|cancel
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
        stopped.add_done_callback(request.abort)  # MARK: LEAK
        await asyncio.sleep(0.005)


if __name__ == "__main__":
    asyncio.run(main())
