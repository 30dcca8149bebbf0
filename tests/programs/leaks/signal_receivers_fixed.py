"""A signal that holds its receivers weakly and drops those that died.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time
import weakref


class Signal:
    def __init__(self):
        self.receivers = []

    def connect(self, receiver):
        self.receivers.append(weakref.WeakMethod(receiver, self.receivers.remove))

    def send(self, value):
        for receiver in self.receivers[-3:]:
            receiver()(value)


saved = Signal()


class Form:
    def __init__(self, number):
        self.number = number
        self.fields = {"name": "form %d" % number, "value": None}
        saved.connect(self.on_saved)

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
