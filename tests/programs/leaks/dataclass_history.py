"""A dataclass whose history, a field with a default factory, gets an entry on every change.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: Change|dict
holder: history
site: LEAK
remedy: bound|remove-entry|del
"""

import dataclasses
import time
from typing import Any, List


@dataclasses.dataclass
class Change:
    key: str
    value: Any


@dataclasses.dataclass
class Settings:
    values: dict = dataclasses.field(default_factory=dict)
    history: List[Change] = dataclasses.field(default_factory=list)

    def put(self, key, value):
        self.values[key] = value
        self.history.append(Change(key, value))  # MARK: LEAK


SETTINGS = Settings()


def step():
    step.number += 1
    SETTINGS.put("theme %d" % (step.number % 5), step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
