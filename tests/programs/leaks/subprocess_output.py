"""All that a child prints is read before the first line is looked at.

Truth
-----
command: run
verdict: peak
kind: bulk-read
what: bytes|str|list
site: LEAK
remedy: stream
"""

import subprocess
import sys
import time

CHILD = "for n in range(500000): print('line %d of what the child has to say about it, in many more words than it needs' % n)"


def main():
    text = subprocess.run([sys.executable, "-c", CHILD], stdout=subprocess.PIPE).stdout  # MARK: LEAK
    time.sleep(0.5)
    return text.count(b"9 of")


if __name__ == "__main__":
    print("RESULT", main(), flush=True)
