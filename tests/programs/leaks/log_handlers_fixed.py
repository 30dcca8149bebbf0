"""Each request takes its handler off again.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
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
    logger.addHandler(handler)
    logger.info("order %d", number)
    logger.removeHandler(handler)
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
