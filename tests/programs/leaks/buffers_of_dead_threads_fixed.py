"""A thread gives its buffer back before it ends.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import threading
import time

BUFFERS = {}


def buffer():
    me = threading.current_thread()
    if me not in BUFFERS:
        BUFFERS[me] = bytearray(2000)
    return BUFFERS[me]


def serve(number):
    buffer()[0] = number % 256
    del BUFFERS[threading.current_thread()]


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
