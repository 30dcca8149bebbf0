"""The core as the commands see it: looks and sessions, with the core's errors as failures of the command line.

The library is loaded when it is first needed, so that help, usage errors and commands that only read documents work
where there is none.
"""
from __future__ import annotations

import os
from pathlib import Path

from unleak.cli import errors

NATIVE = Path(__file__).resolve().parents[1] / "_native"


def tool() -> str:
    """As documents name it: `unleak 0.1.0`."""
    import unleak
    return "unleak " + unleak.__version__


def capture_program() -> str:
    """The path of the helper that touches targets."""
    program = NATIVE / "unleak-capture"
    if not os.access(program, os.X_OK):
        raise errors.Failure("unleak-capture is missing (%s)" % program,
                             "`./dev build` makes it in a checkout, `pip install .` a complete package")
    return str(program)
