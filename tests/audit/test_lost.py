"""References that native code forgets are found: the right type, nearly all of them, first in the document; and nothing
where the same program gives them back. The form with two million objects is stress_lost.py."""

import json

import planted
import pytest
from interpreters import interpreters
from targets import start_target

OBJECTS = 20000
IN_CI = ("str", "held", "single", "error")
CLEAN_IN_CI = ("str", "held")
PYTHONS = interpreters()


@pytest.fixture(scope="module", params=PYTHONS, ids=lambda i: i.tag)
def extension(request, tmp_path_factory, tool):
    folder = tmp_path_factory.mktemp("leaky-" + request.param.tag)
    try:
        return request.param, planted.build_extension(request.param, folder, tool("cc"))
    except FileNotFoundError as missing:
        pytest.skip("%s has no headers (%s)" % (request.param.tag, missing))


def test_planted_lost_references_are_found(extension, tmp_path):
    python, folder = extension
    with planted.start(python, folder, True, OBJECTS) as target:
        first = None
        for what in IN_CI:
            files = planted.lose_and_look(target, what, tmp_path, first)
            document = planted.diagnose(files)
            first = files[-1]
            found = document["findings"][0]
            assert (found["kind"], found["what"][0]["type"]) == ("lost-reference", planted.EXPECTED[what]), what
            assert found["certainty"] in ("confirmed", "probable")
            assert 99 <= planted.lost_of(found) <= 101, what
            assert document["verdict"] == "leak"
        if found["holder"] is not None:
            assert "held" not in found["holder"]["text"]
        audit = json.loads(planted.unleak("audit", "--json", str(files[-1])))
    assert [r["lost"] >= 99 for r in audit["rows"] if r["type"] == "str"] == [True]
    assert audit["facts"]["orphans"] >= 99  # the strings at least; a young tuple is in the collector's list


def test_the_clean_twin_has_no_finding(extension, tmp_path):
    python, folder = extension
    with planted.start(python, folder, False, OBJECTS) as target:
        first = None
        for what in CLEAN_IN_CI:
            files = planted.lose_and_look(target, what, tmp_path, first)
            first = files[-1]
            document = planted.diagnose(files)
            assert document["findings"] == [], what
            assert document["verdict"] in ("clean", "inconclusive")


def test_one_object_in_use_is_named_with_who_refers_to_it(extension, tmp_path):
    python, folder = extension
    with planted.start(python, folder, True, 800) as target:
        files = planted.lose_and_look(target, "single", tmp_path)
        found = planted.diagnose(files)["findings"][0]
        audit = planted.unleak("audit", str(files[-1]))
    assert found["holder"]["text"] == "__main__.held[*]"
    assert found["growth"]["objects"][0] == found["growth"]["objects"][-1] == 1
    assert {"type": "list", "edge": "[7]"} in found["evidence"]["referrers"] or found["evidence"]["referrers"][0][
        "type"
    ] == "list"
    assert "rises by" in found["title"]
    assert "app.Session   count 101, 100 too many, in use: __main__.held[" in audit.replace("\n" + " " * 18, " ")


SUSPENDED = """
import leaky, sys, types
class Kept: pass
sys.modules["store"] = types.ModuleType("store")
sys.modules["store"].suspended = [leaky.Suspended(Kept()) for _ in range(60)]
print("READY", flush=True)
sys.stdin.readline()
"""


def test_what_the_collector_is_told_to_pass_over_holds_its_members_all_the_same(extension, tmp_path):
    python, folder = extension
    with start_target(python.exe, SUSPENDED, env={"PYTHONPATH": str(folder)}) as target:
        target.wait_ready()
        file = planted.look(target.pid, tmp_path / "look.unleak")
        rows = json.loads(planted.unleak("audit", "--json", "--limit", "1000", str(file)))["rows"]
    of_kept = [row for row in rows if row["type"].endswith("Kept")]
    assert all(row["lost"] == 0 and row["surplus"] == 0 for row in of_kept), of_kept
