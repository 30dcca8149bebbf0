"""Each connection has a stack of its own.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import contextlib
import time


class Connection:
    def __init__(self, number):
        self.number = number
        self.open = True

    def close(self):
        self.open = False


def serve(stack, number):
    connection = Connection(number)
    stack.callback(connection.close)
    return connection.number


def main():
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        with contextlib.ExitStack() as stack:
            serve(stack, number)
        time.sleep(0.005)


if __name__ == "__main__":
    main()
