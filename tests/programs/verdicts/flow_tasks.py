"""An event loop whose tasks come and go.

Each task ends after half a second; how many there are at once varies.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import asyncio
import os
import random


async def work():
    await asyncio.sleep(random.random())


async def main():
    tasks = set()
    print("READY", os.getpid(), flush=True)
    while True:
        task = asyncio.create_task(work())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await asyncio.sleep(0.005)


asyncio.run(main())
