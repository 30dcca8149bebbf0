"""Worker threads that take jobs from a queue and leave every result in one shared list.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: Result|tuple
holder: results
site: LEAK
remedy: remove-entry|bound|del
"""

import queue
import threading
import time


class Result:
    def __init__(self, number, square):
        self.number = number
        self.square = square


class Crew:
    def __init__(self, size):
        self.jobs = queue.Queue(maxsize=100)
        self.results = []
        self.lock = threading.Lock()
        for _ in range(size):
            threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        while True:
            number = self.jobs.get()
            result = Result(number, number * number)
            with self.lock:
                self.results.append(result)  # MARK: LEAK


def main():
    crew = Crew(4)
    print("READY", flush=True)
    number = 0
    while True:
        crew.jobs.put(number)
        number += 1
        time.sleep(0.004)


if __name__ == "__main__":
    main()
