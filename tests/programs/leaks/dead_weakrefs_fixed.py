"""A WeakSet drops what died.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time
import weakref


class Subject:
    def __init__(self):
        self.observers = weakref.WeakSet()

    def attach(self, observer):
        self.observers.add(observer)


class View:
    def __init__(self, subject):
        subject.attach(self)


subject = Subject()


def step():
    View(subject)


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
