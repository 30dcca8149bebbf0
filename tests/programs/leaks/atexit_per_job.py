"""Each job registers its own clean-up with atexit, which keeps the job until the program ends.

Truth
-----
command: diagnose
verdict: leak
kind: listener
what: method|Job|tuple|dict|function|partial
holder: atexit
site: LEAK
remedy: unregister|remove-entry|hoist|weakref
"""

import atexit
import time


class Job:
    def __init__(self, number):
        self.number = number
        self.lines = ["job %d" % number]
        atexit.register(self.clean_up)  # MARK: LEAK

    def run(self):
        self.lines.append("done")

    def clean_up(self):
        self.lines.clear()


def step():
    job = Job(step.number)
    step.number += 1
    job.run()


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
