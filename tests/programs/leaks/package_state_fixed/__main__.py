"""The events are written in batches and dropped.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
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
