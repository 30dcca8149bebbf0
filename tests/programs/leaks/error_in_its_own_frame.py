"""A local name keeps the exception whose traceback holds this frame: a cycle each call.

Truth
-----
command: diagnose
verdict: garbage
kind: reference-cycle
what: ConnectionError|traceback|frame
site: LEAK
remedy: del|break-cycle|clear-traceback
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
        failure = error  # MARK: LEAK
    return str(failure), len(payload)


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
