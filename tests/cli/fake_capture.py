"""A stand-in for `unleak-capture serve`: the same protocol, and looks that only say what /proc says.

Used by the tests of the command line, so that they need neither the core nor the right to trace. What it was asked is
appended to $FAKE_CAPTURE_LOG, one JSON line a request. $FAKE_LOOK_S makes each look take so long.
"""
import json
import os
import socket
import sys
import time


class Server:
    def __init__(self, connection):
        self.connection = connection
        self.children = set()

    def serve(self):
        for line in self.connection.makefile("rb"):
            request = json.loads(line)
            log = os.environ.get("FAKE_CAPTURE_LOG")
            if log:
                with open(log, "a") as file:
                    file.write(json.dumps({k: v for k, v in request.items() if k != "env"}) + "\n")
            getattr(self, "do_" + request["cmd"])(request)

    def reply(self, value, fds=()):
        data = json.dumps(value).encode() + b"\n"
        if fds:
            socket.send_fds(self.connection, [data], list(fds))
        else:
            self.connection.sendall(data)

    def refuse(self, code, message, hint=""):
        self.reply({"error": {"code": code, "message": message, "hint": hint}})

    def do_look(self, request):
        pid = request["pid"]
        try:
            with open("/proc/%d/stat" % pid) as file:
                state = file.read().rpartition(")")[2].split()[0]
            with open("/proc/%d/statm" % pid) as file:
                rss = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            with open("/proc/%d/comm" % pid) as file:
                comm = file.read().strip()
        except OSError:
            return self.refuse("not-found", "there is no process %d" % pid)
        if state == "Z":
            return self.refuse("not-found", "process %d has ended" % pid)
        if not comm.startswith("python"):
            return self.refuse("unsupported", "process %d (%s) is not CPython" % (pid, comm))
        time.sleep(float(os.environ.get("FAKE_LOOK_S", "0")))
        memory = os.memfd_create("look")
        os.write(memory, json.dumps({"pid": pid, "rss": rss}).encode())
        self.reply({"pid": pid, "stop": "safe", "pause_ms": 1.5}, [memory])
        os.close(memory)

    def do_start(self, request):
        pid = os.fork()
        if pid == 0:
            if request.get("pgid"):
                os.setpgid(0, request["pgid"])
            self.connection.close()
            os.chdir(request["cwd"])
            env = dict(pair.split("=", 1) for pair in request["env"])
            try:
                os.execvpe(request["argv"][0], request["argv"], env)
            except OSError:
                os._exit(127)
        self.children.add(pid)
        self.reply({"pid": pid})

    def do_wait(self, request):
        _, status = os.waitpid(request["pid"], 0)
        self.reply({"exit": os.waitstatus_to_exitcode(status)})

    def do_descendants(self, request):
        found, frontier = [], [request["pid"]]
        parents = {}
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open("/proc/%s/stat" % name) as file:
                        parents.setdefault(int(file.read().rpartition(")")[2].split()[1]), []).append(int(name))
                except OSError:
                    pass
        while frontier:
            children = parents.get(frontier.pop(0), [])
            found += children
            frontier += children
        self.reply({"pids": found})

    def do_inspect(self, request):
        facts = {"pid": request["pid"], "python": None, "can_look": True, "estimated_pause_ms": 1.5}
        try:
            with open("/proc/%d/comm" % request["pid"]) as file:
                facts["python"] = "3.12.1" if file.read().startswith("python") else None
        except OSError:
            message = "there is no process %d" % request["pid"]
            facts.update(can_look=False, why_not={"code": "not-found", "message": message, "hint": ""})
        self.reply(facts)


if __name__ == "__main__":
    assert sys.argv[1:3] == ["serve", "--fd"], sys.argv
    Server(socket.socket(fileno=int(sys.argv[3]))).serve()
