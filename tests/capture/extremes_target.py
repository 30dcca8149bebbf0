"""A program of extremes: one huge dict, one long chain, a deep recursion and many threads; then it stays still.

Prints one line of JSON with what there is; when its input ends, it ends well only if all its threads went on.
"""

import json
import sys
import threading

ENTRIES, CHAIN, DEPTH, THREADS = (int(word) for word in sys.argv[1:5])
sys.setrecursionlimit(2 * DEPTH + 1000)
threading.stack_size(256 << 10)

TABLE = {number: float(number) for number in range(ENTRIES)}
HEAD = None
for _ in range(CHAIN):
    HEAD = [HEAD]
START, END = threading.Barrier(THREADS + 1), threading.Event()
SEEN = []


def wait(number):
    START.wait()
    END.wait()
    SEEN.append(number)


def descend(depth):
    if depth:
        return descend(depth - 1)
    print(json.dumps({"table": id(TABLE), "head": id(HEAD)}), flush=True)
    return sys.stdin.readline()


def main():
    threads = [threading.Thread(target=wait, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    START.wait()
    descend(DEPTH)
    END.set()
    for thread in threads:
        thread.join()
    sys.exit(0 if sorted(SEEN) == list(range(THREADS)) else 9)


main()
