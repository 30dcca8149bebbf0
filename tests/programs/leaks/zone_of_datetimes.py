"""A tzinfo that keeps the moments of its changes, each of which refers to it: the collector does not see through them.

Truth
-----
command: diagnose
verdict: leak
kind: uncollectable-cycle
what: Zone|datetime|list|dict
site: LEAK
remedy: break-cycle|weakref|hoist|del|upgrade
"""

import datetime
import time


class Zone(datetime.tzinfo):
    def __init__(self, hours):
        self.offset = datetime.timedelta(hours=hours)
        self.changes = []

    def add(self, year):
        self.changes.append(datetime.datetime(year, 3, 31, tzinfo=self))  # MARK: LEAK

    def utcoffset(self, moment):
        return self.offset

    def dst(self, moment):
        return None


def step():
    step.number += 1
    zone = Zone(step.number % 12)
    for year in (2020, 2021, 2022):
        zone.add(year)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
