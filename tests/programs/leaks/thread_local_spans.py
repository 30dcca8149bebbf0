"""Spans are noted in a thread-local list of a thread that lives as long as the program.

Truth
-----
command: diagnose
verdict: leak
kind: context|growing-container
what: Span|dict
holder: .*(local|spans).*
site: LEAK
remedy: remove-entry|bound|del
"""

import queue
import threading
import time

state = threading.local()


class Span:
    def __init__(self, name):
        self.name = name
        self.tags = {"name": name}


def note(name):
    if not hasattr(state, "spans"):
        state.spans = []
    state.spans.append(Span(name))  # MARK: LEAK


def work(jobs):
    while True:
        number = jobs.get()
        note("job %d" % number)


def main():
    jobs = queue.Queue(maxsize=10)
    threading.Thread(target=work, args=(jobs,), name="worker").start()
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        jobs.put(number)
        time.sleep(0.005)


if __name__ == "__main__":
    main()
