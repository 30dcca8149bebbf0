"""A scheduler keeps the generator of each import after its first batch; none is ever finished or closed.

Truth
-----
command: diagnose
verdict: leak
kind: pinned-frame|growing-container|unfinished-task
what: generator|list|frame
holder: pending
site: LEAK
remedy: close|remove-entry|bound|cancel
"""

import time


class Scheduler:
    def __init__(self):
        self.pending = []

    def start(self, number):
        job = self.importer(number)
        next(job)
        self.pending.append(job)  # MARK: LEAK

    def importer(self, number):
        rows = list(range(number % 50, number % 50 + 60))
        while rows:
            yield rows[:10]
            del rows[:10]


scheduler = Scheduler()


def step():
    step.number += 1
    scheduler.start(step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
