"""It is unpacked line by line.

Truth
-----
command: run
verdict: clean|not_a_leak
"""

import gzip
import tempfile

LINE = b"2024-05-05 12:00:00 %s worker %d did something that is described here at length\n"


def write(path, lines):
    with gzip.open(path, "wb", 1) as file:
        for number in range(lines):
            file.write(LINE % (b"ERROR" if number % 10 == 0 else b"INFO", number))


def errors(path):
    with gzip.open(path, "rb") as file:
        return sum(b"ERROR" in line for line in file)


def main():
    with tempfile.NamedTemporaryFile(suffix=".gz") as file:
        write(file.name, 500000)
        return errors(file.name)


if __name__ == "__main__":
    print("RESULT", main(), flush=True)
