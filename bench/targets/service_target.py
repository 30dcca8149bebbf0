"""A small web service as seen from outside: many modules, sessions in a dict, a list that grows. Prints a line when it is
warm; each line that it reads is one batch of requests; ends at the end of its input.
"""

import asyncio  # noqa: F401
import concurrent.futures  # noqa: F401
import ctypes  # noqa: F401
import decimal  # noqa: F401
import email.mime.multipart  # noqa: F401
import http.server  # noqa: F401
import json
import logging.config  # noqa: F401
import multiprocessing.pool  # noqa: F401
import sqlite3  # noqa: F401
import sys
import unittest.mock  # noqa: F401
import urllib.request  # noqa: F401
import wsgiref.simple_server  # noqa: F401
import xml.dom.minidom  # noqa: F401
import xmlrpc.client  # noqa: F401

LIVE = 40_000
HISTORY = []


class Session:
    def __init__(self, number):
        self.user = "user%d" % number
        self.data = {"cart": [number, number + 1], "seen": number * 1.5}


SESSIONS = {}


def request(number):
    """Renews a session, and leaks what was answered."""
    SESSIONS[number % LIVE] = Session(number)
    HISTORY.append(json.dumps({"answer": number}))


def main():
    for number in range(LIVE):
        request(number)
    print("warm", flush=True)
    number = LIVE
    for _ in sys.stdin:
        for _ in range(2000):
            number += 1
            request(number)
        print("served", flush=True)


main()
