"""Counts by host, minute and code: hosts and codes are few, but there is always a new minute.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: dict|Counter|int
holder: COUNTS
site: LEAK
remedy: bound|remove-entry|del
"""

import time

COUNTS = {}


def count(host, minute, code):
    minutes = COUNTS.setdefault(host, {})
    codes = minutes.setdefault(minute, {})  # MARK: LEAK
    codes[code] = codes.get(code, 0) + 1


def step():
    step.number += 1
    count("host %d" % (step.number % 3), step.number // 3, 200)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
