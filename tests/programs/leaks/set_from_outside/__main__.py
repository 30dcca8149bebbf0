"""The cache of a library is replaced from outside by a plain dict, which has no bound.

Truth
-----
command: diagnose
verdict: leak
kind: unbounded-cache|growing-container
what: Page|bytes|str
holder: .*library.cache
site: LEAK
remedy: bound|remove-entry
"""

import time

import library


def main():
    library.cache = {}
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        library.page("/page/%d" % number)
        time.sleep(0.005)


if __name__ == "__main__":
    main()
