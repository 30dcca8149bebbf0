"""A list in thread-local storage.

The worker thread lives as long as the program.

Truth
-----
command: diagnose
verdict: leak
kind: context
what: Query
holder: queries
line: LEAK
"""

import threading

import pace

LOCAL = threading.local()


class Query:
    pass


def step():
    if not hasattr(LOCAL, "queries"):
        LOCAL.queries = []
    LOCAL.queries.append(Query())  # MARK: LEAK


def work():
    pace.loop(step)


thread = threading.Thread(target=work)
thread.start()
thread.join()
