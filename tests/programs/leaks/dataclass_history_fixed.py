"""The history holds the last twenty entries.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import collections
import dataclasses
import time
from typing import Any, Deque


@dataclasses.dataclass
class Change:
    key: str
    value: Any


@dataclasses.dataclass
class Settings:
    values: dict = dataclasses.field(default_factory=dict)
    history: Deque[Change] = dataclasses.field(default_factory=lambda: collections.deque(maxlen=20))

    def put(self, key, value):
        self.values[key] = value
        self.history.append(Change(key, value))


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
