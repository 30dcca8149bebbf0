"""Threads: a pool, short threads, timers that are cancelled, a rotating log, thread-locals, a bounded history.

Needs: nothing
"""

import collections
import logging
import logging.handlers
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

STATE = threading.local()
HISTORY = collections.deque(maxlen=200)
LOG = logging.getLogger("work")


def work(number):
    STATE.count = getattr(STATE, "count", 0) + 1
    timer = threading.Timer(30, LOG.error, ("too long",))
    timer.start()
    LOG.warning("job %d of %s, count %d", number, threading.current_thread().name, STATE.count)
    HISTORY.append((number, time.time()))
    timer.cancel()
    if number % 13 == 0:
        raise ValueError("unlucky %d" % number)
    return number


def main():
    folder = tempfile.TemporaryDirectory()
    LOG.addHandler(logging.handlers.RotatingFileHandler(folder.name + "/log", maxBytes=20000, backupCount=2))
    LOG.propagate = False
    number = 0
    with ThreadPoolExecutor(4) as pool:
        print("READY", flush=True)
        while True:
            futures = [pool.submit(work, number + n) for n in range(10)]
            number += 10
            for future in as_completed(futures):
                if future.exception():
                    HISTORY.append(str(future.exception()))
            short = threading.Thread(target=time.sleep, args=(0.01,))
            short.start()
            short.join()
            time.sleep(0.02)


if __name__ == "__main__":
    main()
