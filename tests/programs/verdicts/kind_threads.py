"""Threads that nobody stops.

One more for each connection.

Truth
-----
command: diagnose
verdict: leak
kind: unfinished-task
what: Thread|Event
"""

import threading

import pace


def wait(event):
    event.wait()


def step():
    threading.Thread(target=wait, args=(threading.Event(),), daemon=True).start()  # MARK: LEAK


pace.loop(step, rate=5, warm_up=10)
