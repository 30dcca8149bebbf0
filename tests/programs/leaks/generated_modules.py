"""Each rule set becomes a module in sys.modules under a name of its own.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container|class-churn
what: module|dict|function|str
holder: .*modules.*
site: LEAK
remedy: remove-entry|hoist|bound|unregister
"""

import sys
import time
import types

SOURCE = "LIMIT = %d\ndef allowed(n):\n    return n < LIMIT\n"


def load_rules(number):
    name = "rules_%d" % number
    module = types.ModuleType(name)
    exec(SOURCE % number, module.__dict__)
    sys.modules[name] = module  # MARK: LEAK
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
