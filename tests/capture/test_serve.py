"""The server behind the command line: requests, looks through a descriptor, programs that it starts."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from raw_snapshot import Snapshot


class Server:
    def __init__(self, tool: str):
        self.socket, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen([tool, "serve", "--fd", str(theirs.fileno())], pass_fds=[theirs.fileno()])
        self.buffer = b""

    def ask(self, line: object):
        """The reply and the descriptors that came with it."""
        data = line if isinstance(line, bytes) else json.dumps(line).encode()
        self.socket.sendall(data + b"\n")
        descriptors = []
        while b"\n" not in self.buffer:
            more, fds, _, _ = socket.recv_fds(self.socket, 65536, 4)
            assert more, "the server ended"
            self.buffer += more
            descriptors += fds
        reply, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(reply), descriptors

    def close(self) -> int:
        self.socket.close()
        return self.process.wait(30)


@pytest.fixture
def server(capture_tool: str):
    one = Server(capture_tool)
    yield one
    assert one.close() == 0


def start(server: Server, code: str, **more) -> int:
    reply, _ = server.ask({"cmd": "start", "argv": [sys.executable, "-c", code], "env": ["A=b"], "cwd": "/", **more})
    return reply["pid"]


def ended(server: Server, pid: int) -> int:
    """Waits for a program that it started; its exit status."""
    reply, _ = server.ask({"cmd": "wait", "pid": pid})
    assert set(reply) == {"exit", "peak_rss"}
    assert 1 << 20 < reply["peak_rss"] < 1 << 30  # bytes, of a Python that did next to nothing
    return reply["exit"]


def test_a_program_that_it_started_is_looked_at_and_waited_for(server: Server, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    pid = start(server, "import os, time; print(os.environ['A'], os.getcwd(), file=open(%r, 'w')); time.sleep(600)" % str(ready))
    assert ready.read_text() == "b /\n"
    facts, descriptors = server.ask({"cmd": "look", "pid": pid, "max_pause_ms": 1000})
    assert facts["pid"] == pid and facts["objects"] > 1000 and facts["pause_ms"] > 0
    (descriptor,) = descriptors
    file = tmp_path / "look"
    file.write_bytes(Path("/proc/self/fd/%d" % descriptor).read_bytes())
    os.close(descriptor)
    assert len(Snapshot(file).address) == facts["objects"]
    assert server.ask({"cmd": "descendants", "pid": server.process.pid})[0] == {"pids": [pid]}
    os.kill(pid, signal.SIGTERM)
    assert ended(server, pid) == -signal.SIGTERM


def test_exit_status(server: Server) -> None:
    assert ended(server, start(server, "raise SystemExit(7)")) == 7


def test_a_program_that_is_not_there(server: Server) -> None:
    reply, _ = server.ask({"cmd": "start", "argv": ["/no/such/program"], "env": [], "cwd": "/"})
    assert reply["error"]["code"] == "not-found" and "/no/such/program" in reply["error"]["message"]


@pytest.mark.parametrize("line, code", [
    (b"nonsense", "usage"), (b"[1]", "usage"), (b'{"cmd": 5}', "usage"), (b'{"cmd": "fly"}', "usage"),
    (b'{"cmd": "look", "pid": 4194305}', "not-found"), (b'{"cmd": "look", "pid": "x"}', "usage"), (b'{"cmd": "start"}', "usage"),
    (b'{"cmd": "wait"}', "usage"), (b'{"cmd": "look", "pid": -1}', "not-found"),
])
def test_bad_requests_are_refused_and_served_on(server: Server, line: bytes, code: str) -> None:
    reply, descriptors = server.ask(line)
    assert reply["error"]["code"] == code and reply["error"]["message"] and not descriptors
    assert server.ask({"cmd": "descendants", "pid": os.getpid()})[0]["pids"]


def test_inspect(server: Server) -> None:
    facts, _ = server.ask({"cmd": "inspect", "pid": os.getpid()})
    assert facts["python"] == "%d.%d.%d" % sys.version_info[:3] and facts["executable"] == os.path.realpath(sys.executable)
