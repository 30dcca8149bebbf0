"""A log that is one str, longer with every line.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: str
holder: log
site: LEAK
remedy: bound|remove-entry|stream|del
"""

import time


class Console:
    def __init__(self):
        self.log = ""

    def print(self, text):
        self.log += text + "\n"  # MARK: LEAK


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
