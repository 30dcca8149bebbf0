"""A report is written to a StringIO that is made once and never emptied.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container|native-memory
what: StringIO|str
holder: REPORT
site: LEAK|write@.*
remedy: remove-entry|bound|del|close|stream
"""

import io
import time

REPORT = io.StringIO()


def line(number):
    REPORT.write("line %d of the report, with some text that makes it long enough\n" % number * 4)  # MARK: LEAK


def step():
    step.number += 1
    line(step.number)
    if step.number % 10 == 0:
        REPORT.getvalue()


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.003)


if __name__ == "__main__":
    main()
