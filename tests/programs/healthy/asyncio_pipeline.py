"""asyncio: producers, bounded queues, workers, time-outs, gathered tasks, sub-processes now and then.

Needs: nothing
"""

import asyncio
import contextvars
import sys

REQUEST = contextvars.ContextVar("request", default=0)


async def produce(queue):
    number = 0
    while True:
        number += 1
        await queue.put({"number": number, "body": "x" * 200})
        await asyncio.sleep(0.005)


async def look_up(number):
    await asyncio.sleep(0.001 * (number % 5))
    return number * 2


async def work(queue, results):
    while True:
        item = await queue.get()
        REQUEST.set(item["number"])
        answers = await asyncio.gather(*(look_up(item["number"] + n) for n in range(3)))
        try:
            await asyncio.wait_for(look_up(4), 0.002)
        except asyncio.TimeoutError:
            results["late"] = results.get("late", 0) + 1
        results[item["number"] % 50] = answers
        queue.task_done()


async def child():
    while True:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-S", "-c", "print(1)", stdout=asyncio.subprocess.PIPE
        )
        await process.communicate()
        await asyncio.sleep(1)


async def main():
    queue, results = asyncio.Queue(maxsize=20), {}
    jobs = [produce(queue), child(), *(work(queue, results) for _ in range(4))]
    tasks = [asyncio.create_task(job) for job in jobs]
    await asyncio.sleep(0.5)
    print("READY", flush=True)
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


if __name__ == "__main__":
    asyncio.run(main())
