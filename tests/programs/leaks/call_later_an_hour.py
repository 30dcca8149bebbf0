"""Each message sets a time-out with call_later and never cancels it: the loop keeps handle and message for an hour.

Truth
-----
command: diagnose
verdict: leak
kind: unfinished-task|listener|growing-container
what: TimerHandle|Message|method|bytes|tuple
holder: _scheduled
site: LEAK|call_later@base_events.py|call_at@base_events.py
remedy: cancel|unregister|remove-entry|close
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
        handle = loop.call_later(3600, message.expire)  # MARK: LEAK
        await asyncio.sleep(0.005)
        del handle


if __name__ == "__main__":
    asyncio.run(main())
