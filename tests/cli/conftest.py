"""The command line run with a fake core, and programs for it to look at."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "python")]

IDLE = "import sys, time\nprint('READY', flush=True)\nwhile True: time.sleep(0.01)\n"


class Unleak:
    """`unleak` with the fakes: run to its end, or started and left to the test."""

    def __init__(self, folder: Path):
        self.requests_log = folder / "requests"
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("UNLEAK_")}
        self.env.update(FAKE_FOLDER=str(folder), FAKE_CAPTURE_LOG=str(self.requests_log), FAKE_WAIT_S="0.05")
        self.folder = folder

    def start(self, *words, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": self.env, **options}
        return subprocess.Popen([sys.executable, str(HERE / "fake_unleak.py"), *map(str, words)], cwd=self.folder, **options)

    def __call__(self, *words, **options):
        with self.start(*words, **options) as process:
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def document(self, *words):
        """The one document that `--json` printed, whatever the exit status."""
        return json.loads(self(*words).stdout)

    def requests(self, command):
        if not self.requests_log.exists():
            return []
        return [r for r in map(json.loads, self.requests_log.read_text().splitlines()) if r["cmd"] == command]


@pytest.fixture
def unleak(tmp_path):
    return Unleak(tmp_path)


@pytest.fixture
def start_program():
    """Starts Python code that prints READY, and waits for it; ended with the test."""
    processes = []

    def start(code=IDLE, **options):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, **options)
        processes.append(process)
        assert process.stdout.readline() == "READY\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()
