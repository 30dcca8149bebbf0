"""The same pool in batches.

Fifty blocks at a time.

Truth
-----
command: run
verdict: clean|not_a_leak
"""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor


class Block:
    def __init__(self):
        self.data = bytearray(40000)


def work(block):
    time.sleep(0.002)
    return len(block.data)


def main():
    blocks = (Block() for _ in range(2000))
    with ThreadPoolExecutor(2) as pool:
        while True:
            batch = list(itertools.islice(blocks, 50))
            if not batch:
                return
            sum(pool.map(work, batch))


main()
