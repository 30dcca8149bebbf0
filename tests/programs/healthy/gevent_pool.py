"""gevent: greenlets in a pool, a server, time-outs that are cancelled.

Needs: gevent
"""

import gevent
from gevent.pool import Pool
from gevent.queue import Queue
from gevent.server import StreamServer
from gevent.socket import create_connection


def answer(sock, address):
    sock.sendall(sock.recv(1000).upper())
    sock.close()


def ask(port, results):
    with gevent.Timeout(5):
        sock = create_connection(("127.0.0.1", port))
        sock.sendall(b"hello " * 30)
        results.put(len(sock.recv(1000)))
        sock.close()


def main():
    server = StreamServer(("127.0.0.1", 0), answer)
    server.start()
    results, pool = Queue(maxsize=100), Pool(5)
    print("READY", flush=True)
    while True:
        pool.spawn(ask, server.server_port, results)
        while not results.empty():
            results.get()
        gevent.sleep(0.01)


if __name__ == "__main__":
    main()
