"""Only the text of an error is kept, and only of the last ten.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time


class Report:
    errors = []

    @classmethod
    def note(cls, error):
        cls.errors.append(str(error))
        del cls.errors[:-10]


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
