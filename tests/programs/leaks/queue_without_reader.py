"""Events are put into a queue whose reader is switched off.

Truth
-----
command: diagnose
verdict: leak
kind: unfinished-task|growing-container
what: Event|dict|deque
holder: outbox|deque
site: LEAK|put@queue.py|_put@queue.py
remedy: bound|remove-entry|stream|close|cancel
"""

import queue
import threading
import time


class Event:
    def __init__(self, number):
        self.number = number
        self.text = "event %d" % number


class Publisher:
    def __init__(self, enabled):
        self.outbox = queue.Queue()
        if enabled:
            threading.Thread(target=self.drain, daemon=True).start()

    def publish(self, event):
        self.outbox.put(event)  # MARK: LEAK

    def drain(self):
        while True:
            self.outbox.get()


publisher = Publisher(enabled=False)


def step():
    step.number += 1
    publisher.publish(Event(step.number))


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
