"""The thread's list is emptied when the job is done.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
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
    state.spans.append(Span(name))


def work(jobs):
    while True:
        number = jobs.get()
        note("job %d" % number)
        state.spans.clear()


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
