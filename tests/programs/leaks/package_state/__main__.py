"""A package whose parts import the list of events from a sibling, by a relative import.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: Event|dict
holder: (state|audit).EVENTS
site: LEAK
remedy: remove-entry|bound|del
"""

import time

from shop import service


def main():
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        service.order(number)
        time.sleep(0.005)


if __name__ == "__main__":
    main()
