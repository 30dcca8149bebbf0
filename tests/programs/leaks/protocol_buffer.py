"""A protocol adds what arrives to its buffer and reads messages from it, but never cuts off what was read.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: bytearray
holder: pending
site: LEAK
remedy: bound|remove-entry|del|stream
"""

import socket
import time


class Protocol:
    def __init__(self, sock):
        self.sock = sock
        self.pending = bytearray()
        self.at = 0

    def receive(self):
        self.pending += self.sock.recv(65536)  # MARK: LEAK
        end = self.pending.find(b"\n", self.at)
        while end >= 0:
            self.at = end + 1
            end = self.pending.find(b"\n", self.at)


def main():
    near, far = socket.socketpair()
    protocol = Protocol(near)
    print("READY", flush=True)
    while True:
        far.sendall(b"measure 12.5\n" * 40)
        protocol.receive()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
