"""The stages are generators.

Truth
-----
command: run
verdict: clean|not_a_leak
"""


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


def main():
    lines = (line for line in source(300000))
    readings = (parse(line) for line in lines)
    kept = (reading for reading in readings if reading.value % 3)
    return sum(reading.value for reading in kept)


if __name__ == "__main__":
    print("RESULT", main(), flush=True)
