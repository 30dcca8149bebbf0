"""A pool's futures are collected in a list that nobody looks through.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container|unfinished-task
what: Future|Condition|deque|lock|dict|list|RLock
holder: futures
site: LEAK
remedy: remove-entry|bound|del
"""

import time
from concurrent.futures import ThreadPoolExecutor


class Mailer:
    def __init__(self):
        self.pool = ThreadPoolExecutor(2)
        self.futures = []

    def send(self, number):
        self.futures.append(self.pool.submit(self.deliver, number))  # MARK: LEAK

    def deliver(self, number):
        return "mail %d sent" % number


def main():
    mailer = Mailer()
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        mailer.send(number)
        time.sleep(0.005)


if __name__ == "__main__":
    main()
