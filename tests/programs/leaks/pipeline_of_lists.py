"""Each stage of a pipeline makes a list of all records for the next.

Truth
-----
command: run
verdict: peak
kind: bulk-read
what: list|dict|str|tuple|Reading
site: LINES|PARSED|KEPT
remedy: stream
"""

import hashlib


class Reading:
    __slots__ = ("sensor", "value")

    def __init__(self, sensor, value):
        self.sensor = sensor
        self.value = value


def source(count):
    for number in range(count):
        yield "sensor-%d;%d" % (number % 50, number)


def parse(line):
    sensor, _, value = line.partition(";")
    return Reading(sensor, float(value))


def weight(reading):
    return len(hashlib.pbkdf2_hmac("sha256", reading.sensor.encode(), b"", 2)) * reading.value


def main():
    lines = [line for line in source(600000)]  # MARK: LINES
    readings = [parse(line) for line in lines]  # MARK: PARSED
    kept = [reading for reading in readings if reading.value % 3]  # MARK: KEPT
    return sum(weight(reading) for reading in kept)


if __name__ == "__main__":
    print("RESULT", main(), flush=True)
