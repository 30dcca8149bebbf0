"""It is replaced by one with a bound.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time

import library


class Bounded(dict):
    def __setitem__(self, key, value):
        if len(self) >= 50:
            self.clear()
        super().__setitem__(key, value)


def main():
    library.cache = Bounded()
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        library.page("/page/%d" % number)
        time.sleep(0.005)


if __name__ == "__main__":
    main()
