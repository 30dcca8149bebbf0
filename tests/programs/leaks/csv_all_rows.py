"""A sum over a file of rows that are all read first.

Truth
-----
command: run
verdict: peak
kind: bulk-read
what: dict|list|str
site: LEAK
remedy: stream
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
        rows = list(csv.DictReader(file))  # MARK: LEAK
        amounts = 0
        for row in rows:
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
