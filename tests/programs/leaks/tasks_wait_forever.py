"""Each message starts a task that waits for an answer that nobody sends.

Truth
-----
command: diagnose
verdict: leak
kind: unfinished-task
what: Task|coroutine|Future|Event
holder: .*
site: LEAK|WAIT
remedy: cancel|close|bound|remove-entry
"""

import asyncio


class Bus:
    def __init__(self):
        self.running = set()
        self.answers = {}

    async def ask(self, number):
        answer = self.answers[number] = asyncio.get_running_loop().create_future()
        text = "question %d" % number
        await answer  # MARK: WAIT
        return text

    def post(self, number):
        task = asyncio.create_task(self.ask(number))
        self.running.add(task)  # MARK: LEAK
        task.add_done_callback(self.running.discard)


async def main():
    bus = Bus()
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        bus.post(number)
        await asyncio.sleep(0.005)


if __name__ == "__main__":
    asyncio.run(main())
