"""A template engine leaves the source of each rendered text in linecache, under a name of its own.

Truth
-----
command: diagnose
verdict: leak
kind: unbounded-cache|growing-container
what: tuple|list|str
holder: linecache.*
site: LEAK
remedy: bound|remove-entry|hoist
"""

import linecache
import time


def render(template, number):
    name = "<template %s %d>" % (template, number)
    source = "text = 'dear %s, your number is ' + str(number)\n" % template
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)  # MARK: LEAK
    names = {"number": number}
    exec(compile(source, name, "exec"), names)
    return names["text"]


def step():
    step.number += 1
    render("customer", step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
