"""Threads are started and remembered, to be joined at the end of the program.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container|unfinished-task
what: Thread|Event|Condition|deque|lock|dict|set
holder: threads
site: LEAK
remedy: remove-entry|bound|close|del
"""

import threading
import time


class Uploads:
    def __init__(self):
        self.threads = []

    def start(self, number):
        thread = threading.Thread(target=self.upload, args=(number,))
        thread.start()
        self.threads.append(thread)  # MARK: LEAK

    def upload(self, number):
        return bytes(number % 100)


UPLOADS = Uploads()


def step():
    step.number += 1
    UPLOADS.start(step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
