"""The name is that of the template, so that its entry is replaced.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import linecache
import time


def render(template, number):
    name = "<template %s>" % template
    source = "text = 'dear %s, your number is ' + str(number)\n" % template
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
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
