"""Those that are done are joined and forgotten.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import threading
import time


class Uploads:
    def __init__(self):
        self.threads = []

    def start(self, number):
        thread = threading.Thread(target=self.upload, args=(number,))
        thread.start()
        self.threads.append(thread)
        for old in [t for t in self.threads if not t.is_alive()]:
            old.join()
            self.threads.remove(old)

    def upload(self, number):
        return bytes(number % 100)


UPLOADS = Uploads()


def step():
    step.number += 1
    UPLOADS.start(step.number)


step.number = 0


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
