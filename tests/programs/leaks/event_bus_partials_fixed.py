"""Closing a widget unsubscribes it.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import functools
import time


class Bus:
    def __init__(self):
        self._listeners = {}

    def subscribe(self, topic, listener):
        self._listeners.setdefault(topic, []).append(listener)

    def unsubscribe(self, topic, listener):
        self._listeners[topic].remove(listener)

    def publish(self, topic, value):
        for listener in self._listeners.get(topic, ())[-5:]:
            listener(value)


BUS = Bus()


class Widget:
    def __init__(self, number):
        self.number = number
        self.value = None
        self.listener = functools.partial(Widget.changed, self)
        BUS.subscribe("value", self.listener)

    def changed(self, value):
        self.value = value

    def close(self):
        BUS.unsubscribe("value", self.listener)
        self.listener = None


def step():
    step.number += 1
    widget = Widget(step.number)
    BUS.publish("value", step.number)
    widget.close()


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
