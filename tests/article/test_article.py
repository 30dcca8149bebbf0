"""Every program of the article under unleak: the answer that it states; and nothing for its fixed twin."""
import concurrent.futures
import json
import os
import subprocess
import sys
from pathlib import Path

import interpreters
import pytest
from targets import start_target

sys.path.insert(0, str(Path(__file__).resolve().parent))
from truth import marked_lines, read_truth, wrong  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = sorted((ROOT / "examples" / "article").glob("*.py"))
DEFAULT = "3.12"
SECONDS = "8"


def pytest_generate_tests(metafunc):
    if "python" not in metafunc.fixturenames:
        return
    found = interpreters.interpreters()
    if not metafunc.config.getoption("--all-interpreters", False):
        found = [i for i in found if i.tag == DEFAULT] or found[:1]
    metafunc.parametrize("python", found, ids=lambda i: i.tag)


def unleak(command, *words):
    """The document of one call of the command."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    done = subprocess.run([sys.executable, "-m", "unleak", command, "--json", *words], env=env, capture_output=True,
                          text=True, timeout=180)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def look_at(command, python, path):
    if command == "run":
        document = unleak("run", "--python", python.exe, str(path))
        assert document["target"]["exit"] == 0
        return document
    with start_target(python.exe, path) as target:
        target.wait_ready()
        document = unleak("diagnose", str(target.pid), "--duration", SECONDS)
        assert target.running(), "the program must go on"
        return document


@pytest.fixture(scope="module")
def looked_at(request):
    """Futures of the documents, by interpreter and program: two at a time, as a look waits most of the time."""
    wanted = [
        (item.callspec.params["python"], item.callspec.params["path"])
        for item in request.session.items
        if item.path == request.path and "looked_at" in item.fixturenames
    ]
    pool = concurrent.futures.ThreadPoolExecutor(max_workers=2)
    yield {(python.tag, path): pool.submit(look_at, read_truth(path)["command"], python, path) for python, path in wanted}
    pool.shutdown(cancel_futures=True)


@pytest.mark.slow
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_unleak_says_what_the_program_states(path, python, looked_at):
    truth = read_truth(path)
    document = looked_at[python.tag, path].result()
    assert wrong(truth, path, document) == [], json.dumps(document, indent=1)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_every_program_states_its_truth_and_has_its_twin(path):
    truth = read_truth(path)
    if path.stem.endswith("_fixed"):
        assert truth["verdict"] == "clean|not_a_leak"
        assert path.with_name(path.name.replace("_fixed", "")).exists()
    else:
        assert marked_lines(path, truth["line"])
        assert path.with_name(path.stem + "_fixed.py").exists()
