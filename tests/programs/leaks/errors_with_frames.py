"""Errors are collected for a report; each keeps its traceback, the frames and what they held.

Truth
-----
command: diagnose
verdict: leak
kind: pinned-frame
what: ValueError|traceback|frame|bytearray
holder: errors
site: LEAK
remedy: clear-traceback|remove-entry|bound
"""

import time


class Report:
    errors = []

    @classmethod
    def note(cls, error):
        cls.errors.append(error)  # MARK: LEAK


def parse(number):
    scratch = bytearray(3000)
    if number >= 0:
        raise ValueError("number %d in %d bytes" % (number, len(scratch)))
    return number


def step():
    step.number += 1
    try:
        parse(step.number)
    except ValueError as error:
        Report.note(error)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
