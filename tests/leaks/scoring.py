"""Runs unleak on one program and judges the document; sees also whether the program was harmed."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

from interpreters import Interpreter
from judging import Marks, judge_bad, judge_clean
from programs import Program
from targets import Target, TargetFailed, start_target

ROOT = Path(__file__).resolve().parents[2]
OWN = "%s -m unleak" % sys.executable
WARM_S = 1.0
"""From READY to the first look, so that imports made by the first steps are over."""
STALL_S = 10.0
"""A program that runs a few times a second and has not run for so long no longer goes on."""


@dataclass(frozen=True)
class Options:
    """How the tool is called, and where its documents go."""

    out: Path
    tool: str = OWN
    diagnose_args: str = "--duration 10"
    run_args: str = ""
    timeout: float = 180.0


def score(program: Program, python: Interpreter, options: Options) -> Dict[str, Any]:
    """A row: the marks, or `error`, with `harmed` where the program was. Never raises for what either of them does."""
    document = options.out / ("%s-%s-%s.json" % (program.name, python.tag, "fixed" if program.fixed else "bad"))
    row: Dict[str, Any] = {"case": program.name, "python": python.tag, "side": "fixed" if program.fixed else "bad"}
    began = time.monotonic()
    try:
        document.unlink(missing_ok=True)
        harm = (_diagnose if program.command == "diagnose" else _run)(program, python, options, document)
    except (TargetFailed, ToolFailed) as error:
        return {**row, "error": str(error)}
    row["seconds"] = round(time.monotonic() - began, 1)
    if harm:
        return {**row, "error": harm, "harmed": True}
    return {**row, **_judge(program, document)}


class ToolFailed(Exception):
    """The tool gave no document."""


def _judge(program: Program, path: Path) -> Marks:
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        return {"error": "no document: %s" % error}
    marks = (judge_clean if program.fixed else judge_bad)(program.expect, document)
    return marks if "error" in marks else {**marks, "says": document["verdict"]}


def _diagnose(program: Program, python: Interpreter, options: Options, document: Path) -> Optional[str]:
    with start_target(python.exe, program.path, env={"PYTHONDONTWRITEBYTECODE": "1"}) as target:
        target.wait_ready()
        time.sleep(WARM_S)
        words = ["diagnose", str(target.pid), "--json", *options.diagnose_args.split()]
        _call_tool(options, words, document)
        return harm_of(target)


def harm_of(target: Target) -> Optional[str]:
    """None, or what the tool has left of the program."""
    until = time.monotonic() + STALL_S
    turns = _turns(target.pid)
    while time.monotonic() < until:
        if not target.running():
            return "the program died: %s" % target.errors()[-300:]
        if target.state() not in "TtZX" and _tracer(target.pid) == 0 and _turns(target.pid) > turns:
            return None
        time.sleep(0.05)
    return "the program does not go on: state %s, tracer %d" % (target.state(), _tracer(target.pid))


def _turns(pid: int) -> int:
    """How often its threads were given a CPU, or gave it back."""
    texts = [path.read_text() for path in Path("/proc/%d/task" % pid).glob("*/status")]
    return sum(int(line.split()[1]) for text in texts for line in text.splitlines() if "ctxt_switches" in line)


def _tracer(pid: int) -> int:
    status = Path("/proc/%d/status" % pid).read_text()
    return int(status.partition("\nTracerPid:")[2].split()[0])


def _run(program: Program, python: Interpreter, options: Options, document: Path) -> Optional[str]:
    """A program that comes to its end must print the same with the tool and without."""
    env = _environment()
    try:
        alone = subprocess.run([python.exe, str(program.path)], env=env, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired as error:
        raise ToolFailed("the program does not end by itself") from error
    if alone.returncode or not alone.stdout.strip():
        raise ToolFailed("the program fails by itself: %s" % alone.stderr[-300:])
    words = ["run", "--json", "--python", python.exe, *options.run_args.split(), str(program.path)]
    stderr = _call_tool(options, words, document, env)
    return None if alone.stdout in stderr else "the program printed something else under the tool"


def _environment() -> Dict[str, str]:
    """What a person's shell would have, without the settings of the test run."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "UNLEAK_"))}


def _call_tool(options: Options, words: List[str], document: Path, env: Optional[Dict[str, str]] = None) -> str:
    """Its standard output goes to `document`; returns what it wrote to its standard error."""
    command = [*options.tool.split(), *words]
    tool_env = {**(env or os.environ), "PYTHONPATH": str(ROOT / "python")} if options.tool == OWN else env
    with open(document, "wb") as out:
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, env=tool_env,
                timeout=options.timeout, text=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ToolFailed("the tool did not end in %.0f s" % options.timeout) from error
        except OSError as error:
            raise ToolFailed("the tool cannot be started: %s" % error) from error
    if done.returncode not in (0, 1) or not document.stat().st_size:
        raise ToolFailed("the tool ended with status %d: %s" % (done.returncode, done.stderr.strip()[-400:]))
    return done.stderr
