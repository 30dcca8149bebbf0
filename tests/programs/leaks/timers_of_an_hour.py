"""A threading.Timer of an hour for each request, and nobody cancels it: a sleeping thread each.

Truth
-----
command: diagnose
verdict: leak
kind: unfinished-task
what: Timer|Event|Condition|lock|frame|Thread|deque|dict
holder: .*
site: LEAK|start@threading.py
remedy: cancel|close
"""

import threading
import time


def give_up(number):
    print("request %d takes too long" % number)


def serve(number):
    timer = threading.Timer(3600, give_up, (number,))
    timer.daemon = True
    timer.start()  # MARK: LEAK


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
