"""The StringIO is emptied after each report.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import io
import time

REPORT = io.StringIO()


def line(number):
    REPORT.write("line %d of the report, with some text that makes it long enough\n" % number * 4)


def step():
    step.number += 1
    line(step.number)
    if step.number % 10 == 0:
        REPORT.getvalue()
        REPORT.seek(0)
        REPORT.truncate()


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.003)


if __name__ == "__main__":
    main()
