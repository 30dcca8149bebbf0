"""The rows are read one by one.

Truth
-----
command: run
verdict: clean|not_a_leak
"""

import csv
import hashlib
import tempfile
import time


def write(path, rows):
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["name", "town", "amount"])
        for number in range(rows):
            out.writerow(["name %d" % number, "town %d" % (number % 100), number])


def price(row):
    return int(row["amount"]) + len(hashlib.pbkdf2_hmac("sha256", row["name"].encode(), b"", 4)) - 32


def total(path):
    with open(path, newline="") as file:
        amounts = 0
        for row in csv.DictReader(file):
            amounts += price(row)
    return amounts


def main():
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        write(file.name, 250000)
        result = total(file.name)
    time.sleep(0.5)
    return result


if __name__ == "__main__":
    print("RESULT", main(), flush=True)
