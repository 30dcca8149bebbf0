"""Each request adds a handler of its own to the logger and leaves it there.

Truth
-----
command: diagnose
verdict: leak
kind: listener|growing-container
what: StreamHandler|MemoryHandler|Handler|RequestLog|StringIO|RLock
holder: handlers|shop.orders
site: LEAK|addHandler@logging/__init__.py
remedy: unregister|remove-entry|close|hoist
"""

import io
import logging
import time

logger = logging.getLogger("shop.orders")
logger.setLevel(logging.ERROR)
logger.propagate = False


def serve(number):
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logger.addHandler(handler)  # MARK: LEAK
    logger.info("order %d", number)
    return text.getvalue()


def step():
    step.number += 1
    serve(step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
