"""Its lines are read as they come.

Truth
-----
command: run
verdict: clean|not_a_leak
"""

import subprocess
import sys
import time

CHILD = "for n in range(500000): print('line %d of what the child has to say about it, in many more words than it needs' % n)"


def main():
    with subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE) as child:
        count = sum(b"9 of" in line for line in child.stdout)
    time.sleep(0.5)
    return count


if __name__ == "__main__":
    print("RESULT", main(), flush=True)
