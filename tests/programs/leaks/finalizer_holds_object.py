"""weakref.finalize with a bound method of the object itself: it never dies, so it is never finalised.

Truth
-----
command: diagnose
verdict: leak
kind: weakref-misuse|listener
what: Scratch|method|_Info|finalize|dict|str|weakref|ReferenceType
holder: .*(finalize|_registry).*
site: LEAK
remedy: weakref|unregister|break-cycle
"""

import time
import weakref


def forget(path):
    return len(path)


class Scratch:
    def __init__(self, number):
        self.path = "/scratch/%d" % number
        weakref.finalize(self, self.clean_up)  # MARK: LEAK

    def clean_up(self):
        forget(self.path)


def step():
    step.number += 1
    Scratch(step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
