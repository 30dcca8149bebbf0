"""An ExitStack that is open as long as the service gets a callback for every connection.

Truth
-----
command: diagnose
verdict: leak
kind: listener|growing-container
what: function|method|tuple|Connection|cell
holder: .*(_exit_callbacks|ExitStack|stack).*
site: LEAK|_push_exit_callback@contextlib.py|callback@contextlib.py
remedy: close|unregister|remove-entry|hoist|bound
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
    stack.callback(connection.close)  # MARK: LEAK
    return connection.number


def main():
    with contextlib.ExitStack() as stack:
        print("READY", flush=True)
        number = 0
        while True:
            number += 1
            serve(stack, number)
            time.sleep(0.005)


if __name__ == "__main__":
    main()
