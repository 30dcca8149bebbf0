"""A batch job keeps the result of every file until its end.

Truth
-----
command: run
verdict: leak|peak
kind: growing-container|bulk-read
what: Result|bytes|bytearray|list|dict
holder: results|main
site: LEAK
remedy: stream|remove-entry|bound|del
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
        results.append(convert(number))  # MARK: LEAK
        count += len(results[-1].image)
    return count


if __name__ == "__main__":
    print("RESULT", main(), flush=True)
