"""A pool that makes its connections when they are first needed.

It grows by one now and then up to 24, then it has them all.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
fast: yes
"""

import pace


class Connection:
    def __init__(self):
        self.buffer = bytearray(4096)


class Pool:
    def __init__(self):
        self.connections = []

    def take(self, wanted):
        if len(self.connections) < min(wanted, 24):
            self.connections.append(Connection())
        return self.connections[wanted % len(self.connections)]


POOL = Pool()


def step():
    step.calls += 1
    POOL.take(1 + step.calls // 20)


step.calls = 0
pace.loop(step)
