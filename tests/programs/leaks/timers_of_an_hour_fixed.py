"""The timer is cancelled when the request is done.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import threading
import time


def give_up(number):
    print("request %d takes too long" % number)


def serve(number):
    timer = threading.Timer(3600, give_up, (number,))
    timer.daemon = True
    timer.start()
    timer.cancel()
    timer.join()


def step():
    step.number += 1
    serve(step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.1)


if __name__ == "__main__":
    main()
