"""Mails name charsets that do not exist: the codec registry remembers each name that it did not find.

Truth
-----
command: diagnose
verdict: leak
kind: unbounded-cache|growing-container
holder: encodings._cache
site: LEAK|search_function@__init__.py
remedy: bound|remove-entry
"""

import time


def text_of(body, charset):
    try:
        return body.decode(charset)  # MARK: LEAK
    except LookupError:
        return body.decode("latin-1")


def step(number):
    text_of(b"caf\xe9", "x-charset-%d" % number)


def main():
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        step(number)
        time.sleep(0.005)


if __name__ == "__main__":
    main()
