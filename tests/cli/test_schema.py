"""The schema accepts the documents there are and refuses what readers could not use."""
import copy
import json
from pathlib import Path

import pytest

jsonschema = pytest.importorskip("jsonschema")

import unleak  # noqa: E402
from unleak.cli.document import empty, merge  # noqa: E402

HERE = Path(__file__).resolve().parent
SCHEMA = json.loads((Path(unleak.__file__).parent / "schema" / "verdict.schema.json").read_text())
DOCUMENTS = sorted((HERE / "documents").glob("*.json"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def load(path):
    return json.loads(path.read_text())


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.stem)
def test_documents_are_valid(path):
    VALIDATOR.validate(load(path))


def test_what_the_command_line_makes_itself_is_valid():
    VALIDATOR.validate(empty("unleak 0.1.0", 1, "No look."))
    VALIDATOR.validate(merge([load(p) for p in DOCUMENTS]))


@pytest.mark.parametrize("change", [
    lambda d: d.update(schema=2),
    lambda d: d.update(verdict="leaks"),
    lambda d: d.update(findings=[]),                    # a leak without a finding
    lambda d: d.pop("summary"),
    lambda d: d["findings"][0].update(kind="leak"),
    lambda d: d["findings"][0].update(certainty="sure"),
    lambda d: d["findings"][0]["remedy"].update(action="restart"),
    lambda d: d["findings"][0]["sites"]["stored"][0].update(line="57"),
    lambda d: d["findings"][0]["holder"]["path"].append("x"),
    lambda d: d["snapshots"][0].update(completeness=1.5),
])
def test_wrong_documents_are_refused(change):
    document = copy.deepcopy(load(HERE / "documents" / "leak.json"))
    change(document)
    assert not VALIDATOR.is_valid(document)


def test_unknown_keys_are_for_the_future():
    document = load(HERE / "documents" / "leak.json")
    document["findings"][0]["fleet"] = document["fleet"] = {"hosts": 3}
    VALIDATOR.validate(document)
