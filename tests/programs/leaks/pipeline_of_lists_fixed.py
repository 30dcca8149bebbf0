"""The stages are generators.

Truth
-----
command: run
verdict: clean|not_a_leak
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
    lines = (line for line in source(600000))
    readings = (parse(line) for line in lines)
    kept = (reading for reading in readings if reading.value % 3)
    return sum(weight(reading) for reading in kept)


if __name__ == "__main__":
    print("RESULT", main(), flush=True)
