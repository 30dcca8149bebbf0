"""The template gets it beside its values.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time


def settings(number):
    values = {"number": number, "lines": ["a", "b"]}
    return {"self": values, **values}


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
