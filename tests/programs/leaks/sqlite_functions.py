"""A function is registered with the database for each query, under a name of its own.

Truth
-----
command: diagnose
verdict: leak
kind: listener|growing-container|native-memory|lost-reference
what: function|Matcher|cell|method|dict
site: LEAK
remedy: hoist|unregister|remove-entry|bound
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

    def search(self, word, number):
        name = "matches_%d" % number
        self.db.create_function(name, 1, Matcher(word))  # MARK: LEAK
        return self.db.execute("select count(*) from t where %s(text)" % name).fetchone()


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
