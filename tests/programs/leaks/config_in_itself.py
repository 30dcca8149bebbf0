"""A dict of settings that is put into itself, so that templates can name it.

Truth
-----
command: diagnose
verdict: garbage
kind: reference-cycle
what: dict
site: LEAK
remedy: break-cycle|weakref|del|hoist
"""

import time


def settings(number):
    values = {"number": number, "lines": ["a", "b"]}
    values["self"] = values  # MARK: LEAK
    return values


def step():
    step.number += 1
    settings(step.number)["self"]["number"]


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
