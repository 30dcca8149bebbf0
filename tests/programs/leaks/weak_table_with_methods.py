"""A WeakKeyDictionary whose values are bound methods of the keys: no key ever dies.

Truth
-----
command: diagnose
verdict: leak
kind: weakref-misuse
what: method|Connection|bytearray|dict|weakref|ReferenceType
holder: callbacks
site: LEAK
remedy: weakref|break-cycle|remove-entry
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
    callbacks[connection] = connection.on_data  # MARK: LEAK


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
