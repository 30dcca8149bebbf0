"""It writes each and drops it.

Truth
-----
command: run
verdict: clean|not_a_leak
"""

import time


class Result:
    def __init__(self, number):
        self.number = number
        self.image = bytearray(100000)


def convert(number):
    time.sleep(0.005)
    return Result(number)


def main():
    results = []
    count = 0
    for number in range(1000):
        results[:] = [convert(number)]
        count += len(results[-1].image)
    return count


if __name__ == "__main__":
    print("RESULT", main(), flush=True)
