"""The cursor is read as it goes.

Truth
-----
command: run
verdict: clean|not_a_leak
"""

import hashlib
import sqlite3


def fill(db, rows):
    db.execute("create table orders (name text, amount integer)")
    db.executemany("insert into orders values (?, ?)", (("customer %d" % n, n) for n in range(rows)))


def best_key(db):
    cursor = db.execute("select name, amount from orders")
    best = ""
    for name, _ in cursor:
        key = hashlib.pbkdf2_hmac("sha256", name.encode(), b"", 2).hex()
        if key > best:
            best = key
    return best


def main():
    db = sqlite3.connect("")
    fill(db, 600000)
    return best_key(db)


if __name__ == "__main__":
    print("RESULT", main(), flush=True)
