"""Each job cleans up when it is done.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time


class Job:
    def __init__(self, number):
        self.number = number
        self.lines = ["job %d" % number]

    def run(self):
        self.lines.append("done")

    def clean_up(self):
        self.lines.clear()


def step():
    job = Job(step.number)
    step.number += 1
    job.run()
    job.clean_up()


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
