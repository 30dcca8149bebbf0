"""A pool that is given its whole input at once.

All blocks lie in its queue before the first is done.

Truth
-----
command: run
verdict: peak
kind: unfinished-task|bulk-read
what: Block|bytearray|_WorkItem
fast: yes
"""

import time
from concurrent.futures import ThreadPoolExecutor


class Block:
    def __init__(self):
        self.data = bytearray(40000)


def work(block):
    time.sleep(0.002)
    return len(block.data)


def main():
    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(work, (Block() for _ in range(2000))))  # MARK: LEAK


main()
