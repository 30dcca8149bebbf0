"""Each plug-in has a list of its own, and goes.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time


class Note:
    def __init__(self, plugin, text):
        self.plugin = plugin
        self.text = text


class Plugin:
    def __init__(self):
        self.name = type(self).__name__
        self.events = []

    def note(self, text):
        self.events.append(Note(self.name, text))


class Spelling(Plugin):
    def check(self, text):
        self.note("spelling of %s" % text)


class Grammar(Spelling):
    def check(self, text):
        super().check(text)
        self.note("grammar of %s" % text)


def step():
    Grammar().check("text")


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
