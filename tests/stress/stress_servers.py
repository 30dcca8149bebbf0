"""Diagnoses of pre-fork servers as people run them: gunicorn and uvicorn with workers that leak, and with workers that do not.

stress_servers.py [NAME...] [--remake]      NAME: gunicorn, uvicorn (default: both)

A virtual environment with the servers is made once. The leaking server has to be told with the container, the line that stores and
all its workers; of the clean one nothing may be found. Exit status 1 if anything of that is not so.
"""

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Dict, List

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS)]
from packages import environments  # noqa: E402

APPLICATION = """
import os
SESSIONS = {}

class Session:
    def __init__(self, token):
        self.token, self.cart = token, []

def remember(token):
    SESSIONS[token] = Session(token)
    if os.environ["LEAK"] != "1":
        del SESSIONS[token]

number = 0

def wsgi(environ, start_response):
    global number
    number += 1
    remember("%d-%d" % (os.getpid(), number))
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]

async def asgi(scope, receive, send):
    global number
    if scope["type"] == "http":
        number += 1
        remember("%d-%d" % (os.getpid(), number))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
"""
WORKERS = {"gunicorn": 3, "uvicorn": 2}
COMMANDS: Dict[str, List[str]] = {
    "gunicorn": [
        "-m",
        "gunicorn",
        "-w",
        "3",
        "--log-level",
        "warning",
        "--bind",
        "127.0.0.1:{port}",
        "application:wsgi",
    ],
    "uvicorn": ["-m", "uvicorn", "--workers", "2", "--log-level", "warning", "--port", "{port}", "application:asgi"],
}


def make_environment(remake: bool) -> str:
    folder = environments() / "servers"
    python, ready = folder / "bin" / "python", folder / "ready"
    if remake or not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "gunicorn", "uvicorn"], check=True)
        ready.touch()
    return str(python)


def ask_until(over: threading.Event, port: int) -> None:
    while not over.is_set():
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/")
            connection.getresponse().read()
            connection.close()
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
        time.sleep(0.002)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def diagnose(name: str, python: str, leak: bool, folder: str) -> dict:
    """The document of the server's tree while three clients ask all the time."""
    port, over = free_port(), threading.Event()
    command = [python, *(word.format(port=port) for word in COMMANDS[name])]
    server = subprocess.Popen(command, cwd=folder, env={**os.environ, "LEAK": str(int(leak))})
    clients = [threading.Thread(target=ask_until, args=(over, port)) for _ in range(3)]
    try:
        for client in clients:
            client.start()
        wait_for_children(server.pid, WORKERS[name])
        tool = [sys.executable, "-m", "unleak", "diagnose", str(server.pid), "--children", "--json"]
        environment = {**os.environ, "PYTHONPATH": str(TESTS.parent / "python")}
        ran = subprocess.run(tool, env=environment, capture_output=True, text=True, timeout=300)
        assert ran.returncode in (0, 1), ran.stderr
        assert server.poll() is None, "the server ended"
        return json.loads(ran.stdout)
    finally:
        over.set()
        server.terminate()
        server.wait(60)
        for client in clients:
            client.join()


def wait_for_children(pid: int, count: int) -> None:
    deadline = time.monotonic() + 120
    while len(Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()) < count:
        assert time.monotonic() < deadline, "the server has not its workers"
        time.sleep(0.1)
    time.sleep(3)  # what each imports when it starts is not what a service does


def problem_of(name: str, document: dict, leak: bool) -> str:
    findings = document["findings"]
    if not leak:
        return "made up: " + findings[0]["title"] if document["verdict"] not in ("clean", "inconclusive") else ""
    if document["verdict"] != "leak":
        return "verdict " + document["verdict"]
    first = findings[0]
    stored = [(Path(place["file"]).name, place["function"]) for place in first["sites"]["stored"]]
    if "application.SESSIONS" not in first["title"] or ("application.py", "remember") not in stored:
        return "the first finding is %s, stored %s" % (first["title"], stored)
    return "" if len(first["pids"]) == WORKERS[name] else "only of the processes %s" % first["pids"]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", nargs="*", help="servers (default: all)")
    parser.add_argument("--remake", action="store_true", help="make the environment again")
    options = parser.parse_args()
    python, bad = make_environment(options.remake), 0
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "application.py").write_text(APPLICATION)
        for name in options.name or WORKERS:
            for leak in (True, False):
                document = diagnose(name, python, leak, folder)
                problem = problem_of(name, document, leak)
                print(
                    "%-9s %-5s %-12s %s"
                    % (name, "leak" if leak else "clean", document["verdict"], problem or document["summary"]),
                    flush=True,
                )
                bad += bool(problem)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
