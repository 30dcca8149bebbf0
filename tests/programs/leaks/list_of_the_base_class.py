"""Plug-ins append to self.events, which is one list: that of their base class.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: Note|tuple|dict
holder: Plugin.events|events
site: LEAK
remedy: remove-entry|bound|del|hoist
"""

import time


class Note:
    def __init__(self, plugin, text):
        self.plugin = plugin
        self.text = text


class Plugin:
    events = []

    def __init__(self):
        self.name = type(self).__name__

    def note(self, text):
        self.events.append(Note(self.name, text))  # MARK: LEAK


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
