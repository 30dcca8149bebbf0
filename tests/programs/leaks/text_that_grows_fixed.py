"""The log holds the last lines.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time


class Console:
    def __init__(self):
        self.log = ""

    def print(self, text):
        self.log += text + "\n"
        self.log = self.log[-2000:]


CONSOLE = Console()


def step():
    step.number += 1
    CONSOLE.print("%d: %s" % (step.number, "-" * 400))


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
