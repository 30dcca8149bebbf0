"""It is registered once.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import sqlite3
import time


class Matcher:
    def __init__(self, word):
        self.word = word
        self.pattern = [word] * 20

    def __call__(self, text):
        return self.word in text


class Store:
    def __init__(self):
        self.db = sqlite3.connect(":memory:")
        self.db.execute("create table t (text)")
        self.db.executemany("insert into t values (?)", [("one",), ("two",)])
        self.db.create_function("matches", 2, lambda text, word: word in text)

    def search(self, word, number):
        return self.db.execute("select count(*) from t where matches(text, ?)", (word,)).fetchone()


STORE = Store()


def step():
    step.number += 1
    STORE.search("one", step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
