"""Observers are held weakly, but the references to those that died stay in the list.

Truth
-----
command: diagnose
verdict: leak
kind: weakref-misuse|growing-container|listener
what: weakref|ReferenceType
holder: observers
site: LEAK
remedy: remove-entry|weakref|unregister|bound
"""

import time
import weakref


class Subject:
    def __init__(self):
        self.observers = []

    def attach(self, observer):
        self.observers.append(weakref.ref(observer))  # MARK: LEAK


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
