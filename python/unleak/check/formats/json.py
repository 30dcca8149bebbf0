"""One JSON document, schema 1: for scripts. Fields are only added."""

from __future__ import annotations

import json
from typing import Any, Dict

from unleak.check.result import Result


def render(result: Result) -> str:
    return json.dumps(document(result), indent=2) + "\n"


def document(result: Result) -> Dict[str, Any]:
    return {
        "schema": 1,
        "tool": result.tool,
        "rules": result.rules,
        "files": result.files,
        "lines": result.lines,
        "seconds": round(result.seconds, 3),
        "findings": [finding.as_json() for finding in result.findings],
        "suppressed": [finding.as_json() for finding in result.suppressed],
        "problems": [problem._asdict() for problem in result.problems],
        "notes": result.notes,
    }
