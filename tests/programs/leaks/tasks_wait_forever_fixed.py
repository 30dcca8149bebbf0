"""The answer comes, and each task ends.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import asyncio


class Bus:
    def __init__(self):
        self.running = set()
        self.answers = {}

    async def ask(self, number):
        answer = self.answers[number] = asyncio.get_running_loop().create_future()
        text = "question %d" % number
        await answer
        del self.answers[number]
        return text

    def post(self, number):
        task = asyncio.create_task(self.ask(number))
        self.running.add(task)
        task.add_done_callback(self.running.discard)


async def main():
    bus = Bus()
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        bus.post(number)
        await asyncio.sleep(0.005)
        bus.answers[number].set_result("yes")


if __name__ == "__main__":
    asyncio.run(main())
