"""A stand-in for `unleak.cli.engine`: sessions that count looks and conclude what $FAKE_VERDICT says."""
import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def tool():
    return "unleak 0.1.0"


def core_version():
    return "0.1.0"


def capture_program():
    """The fake helper as one executable file."""
    folder = Path(os.environ["FAKE_FOLDER"])
    program = folder / "unleak-capture"
    if not program.exists():
        program.write_text("#!/bin/sh\nexec %s %s/fake_capture.py \"$@\"\n" % (sys.executable, HERE))
        program.chmod(0o755)
    return str(program)


class Snapshot:
    def __init__(self, facts):
        self.facts = facts

    @classmethod
    def from_reply(cls, descriptors):
        with os.fdopen(descriptors[0], "rb") as file:
            file.seek(0)
            return cls(json.loads(file.read()))

    @classmethod
    def open(cls, path):
        return cls(json.loads(Path(path).read_text()))

    def save(self, path):
        Path(path).write_text(json.dumps(self.facts))

    def info(self):
        return {**self.facts, "objects": 1000, "bytes": 1 << 20, "pause_ms": 1.5}

    def top(self, options):
        return {"rows": [{"type": "app.Node", "objects": 3, "bytes": 4096}]}

    cycles = top

    def paths(self, what, options):
        return {"rows": [{"address": "0x7f00", "type": what, "path": [{"edge": ".A", "type": "list"}]}]}

    def diff(self, after, options):
        return self.top(options)

    def close(self):
        pass


class Session:
    def __init__(self, options):
        self.options = options
        self.looks = []

    def make_room(self):
        pass

    def add(self, snapshot):
        self.looks.append(snapshot.info())

    def next(self):
        wanted = self.options.get("looks") or 3
        return {"done": len(self.looks) >= wanted, "wait_s": float(os.environ.get("FAKE_WAIT_S", "0.05")), "why": "fake"}

    def questions(self):
        return {"python": "3.12.1", "root": "", "main_file": "", "files": [], "questions": []}

    def conclude(self, answers):
        pid = self.looks[-1]["pid"]
        verdict = os.environ.get("FAKE_VERDICT", "clean")
        template = json.loads((HERE / "documents" / (verdict + ".json")).read_text())
        template["target"] = {**template["target"], "pid": pid, "exit": None}
        template["processes"] = [{**template["processes"][0], "pid": pid}]
        template["snapshots"] = [{**template["snapshots"][0], "pid": pid, "at_s": float(n), "rss": look["rss"]}
                                 for n, look in enumerate(self.looks)]
        for finding in template["findings"]:
            finding["pids"] = [pid]
        if answers.get("target", {}).get("missed_highs"):
            template["notes"].append("missed highs: %d" % len(answers["target"]["missed_highs"]))
        return template

    def close(self):
        self.looks = []
