"""They are a handful.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time


def text_of(body, charset):
    try:
        return body.decode(charset)
    except LookupError:
        return body.decode("latin-1")


def step(number):
    text_of(b"caf\xe9", "x-charset-%d" % (number % 20))


def main():
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        step(number)
        time.sleep(0.005)


if __name__ == "__main__":
    main()
