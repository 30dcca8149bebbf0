"""Futures that are done are looked at and dropped.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time
from concurrent.futures import ThreadPoolExecutor


class Mailer:
    def __init__(self):
        self.pool = ThreadPoolExecutor(2)
        self.futures = []

    def send(self, number):
        self.futures.append(self.pool.submit(self.deliver, number))
        self.futures = [future for future in self.futures if not future.done()]

    def deliver(self, number):
        return "mail %d sent" % number


def main():
    mailer = Mailer()
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        mailer.send(number)
        time.sleep(0.005)


if __name__ == "__main__":
    main()
