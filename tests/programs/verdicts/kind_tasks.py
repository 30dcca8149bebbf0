"""Tasks that wait for ever.

One more for each request.

Truth
-----
command: diagnose
verdict: leak
kind: unfinished-task
what: Task
holder: WAITING
line: LEAK
"""

import asyncio
import os

WAITING = set()


async def work(event):
    await event.wait()


async def main():
    print("READY", os.getpid(), flush=True)
    while True:
        task = asyncio.create_task(work(asyncio.Event()))
        WAITING.add(task)  # MARK: LEAK
        task.add_done_callback(WAITING.discard)
        await asyncio.sleep(0.01)


asyncio.run(main())
