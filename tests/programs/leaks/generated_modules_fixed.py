"""The module of a rule set replaces the one before.

Truth
-----
command: diagnose
verdict: clean|not_a_leak|garbage
"""

import sys
import time
import types

SOURCE = "LIMIT = %d\ndef allowed(n):\n    return n < LIMIT\n"


def load_rules(number):
    name = "rules"
    module = types.ModuleType(name)
    exec(SOURCE % number, module.__dict__)
    sys.modules[name] = module
    return module


def step():
    step.number += 1
    load_rules(step.number).allowed(1)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.02)


if __name__ == "__main__":
    main()
