"""A table with a buffer for each thread, in a program that starts a thread for each request.

Truth
-----
command: diagnose
verdict: leak
kind: context|growing-container|unbounded-cache
what: bytearray|Thread|Event|Condition
holder: BUFFERS
site: LEAK
remedy: remove-entry|bound|weakref|hoist
"""

import threading
import time

BUFFERS = {}


def buffer():
    me = threading.current_thread()
    if me not in BUFFERS:
        BUFFERS[me] = bytearray(2000)  # MARK: LEAK
    return BUFFERS[me]


def serve(number):
    buffer()[0] = number % 256


def step():
    thread = threading.Thread(target=serve, args=(step.number,))
    thread.start()
    thread.join()
    step.number += 1


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
