"""The name is deleted before the function ends.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time


def connect(number):
    raise ConnectionError("host %d" % number)


def attempt(number):
    failure = None
    payload = bytearray(1000)
    try:
        connect(number)
    except ConnectionError as error:
        failure = error
    text = str(failure)
    del failure
    return text, len(payload)


def step():
    step.number += 1
    attempt(step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
