"""Of each host the current minute is kept.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time

COUNTS = {}


def count(host, minute, code):
    minutes = COUNTS.setdefault(host, {})
    for old in [m for m in minutes if m < minute]:
        del minutes[old]
    codes = minutes.setdefault(minute, {})
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
