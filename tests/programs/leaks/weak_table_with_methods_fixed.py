"""The values are plain functions.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time
import weakref

callbacks = weakref.WeakKeyDictionary()


class Connection:
    def __init__(self, number):
        self.number = number
        self.buffer = bytearray(500)

    def on_data(self):
        return self.number


def step():
    step.number += 1
    connection = Connection(step.number)
    callbacks[connection] = Connection.on_data


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
