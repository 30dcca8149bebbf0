"""A signal keeps the bound method of each form that was ever shown.

Truth
-----
command: diagnose
verdict: leak
kind: listener
what: method|Form|dict
holder: receivers|saved
site: LEAK|CONNECT
remedy: unregister|remove-entry|weakref
"""

import time


class Signal:
    def __init__(self):
        self.receivers = []

    def connect(self, receiver):
        self.receivers.append(receiver)  # MARK: LEAK

    def send(self, value):
        for receiver in self.receivers[-3:]:
            receiver(value)


saved = Signal()


class Form:
    def __init__(self, number):
        self.number = number
        self.fields = {"name": "form %d" % number, "value": None}
        saved.connect(self.on_saved)  # MARK: CONNECT

    def on_saved(self, value):
        self.fields["value"] = value


def step():
    form = Form(step.number)
    step.number += 1
    saved.send(form.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
