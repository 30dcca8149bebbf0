"""A defaultdict of lists: the users are always the same seven, but their lists only grow.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: Visit|dict
holder: by_user
site: LEAK
remedy: bound|remove-entry|del
"""

import collections
import time


class Visit:
    def __init__(self, path):
        self.path = path


class Statistics:
    def __init__(self):
        self.by_user = collections.defaultdict(list)

    def note(self, user, path):
        self.by_user[user].append(Visit(path))  # MARK: LEAK


statistics = Statistics()


def step():
    step.number += 1
    statistics.note("user %d" % (step.number % 7), "/page/%d" % step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
