"""`unleak doctor [PID]`: what will work on this machine, or for one process, and what to do where it will not."""
from __future__ import annotations

import argparse
import os
import platform
import sys
from typing import Any, Callable, Dict, List, Optional

from unleak.cli import engine, errors, options, output, proc, target_checks, text
from unleak.cli.one_look import pid as pid_type
from unleak.cli.helper import Helper, Refused
from unleak.cli.interrupts import Interrupts
from unleak.cli.target_checks import Check

CAP_SYS_PTRACE, CAP_PERFMON, CAP_SYS_ADMIN = 19, 38, 21


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pid", type=pid_type, nargs="?", metavar="PID", help="say it for this process")
    parser.add_argument("--proc", default="/proc", metavar="DIR", help="read kernel settings there (for tests)")
    options.add_json(parser)


def execute(args: argparse.Namespace) -> int:
    checks = [check(args.proc) for check in MACHINE]
    target: Optional[Dict[str, Any]] = None
    if args.pid is not None:
        target = inspect(args.pid)
        if "error" not in target:
            checks += target_checks.checks(args.pid, target)
        checks.append(judge_target(args.pid, target))
    if args.json:
        output.write_json({"schema": 1, "checks": [c._asdict() for c in checks], "target": target})
    else:
        sys.stdout.write(output.encodable(listing(checks, target), sys.stdout))
    return errors.FAILED if any(c.state == "no" for c in checks) else errors.OK


def listing(checks: List[Check], target: Optional[Dict[str, Any]]) -> str:
    lines: List[str] = []
    for check in checks:
        lines += text.row("%-8s %s" % (check.state, check.name), text.printable(check.found), indent=0, column=26)
        if check.hint:
            lines += text.row("", text.printable(check.hint), column=26)
    for key, value in (target or {}).items():
        if isinstance(value, (str, int, float)) and value != "":
            lines += text.row("", "%s: %s" % (key.replace("_", " "), text.printable(value)), column=26)
    return "\n".join(lines) + "\n"


def check_machine(_proc: str) -> Check:
    found = "%s, Linux %s" % (platform.machine(), platform.release())
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return Check("machine", "no", found, "capture works on Linux x86_64; snapshots can be looked at anywhere")
    return Check("machine", "ok", found)


def check_core(_proc: str) -> Check:
    try:
        return Check("core", "ok", "%s, with %s" % (engine.core_version(), engine.capture_program()))
    except errors.Failure as problem:
        return Check("core", "no", problem.message, problem.hint)


def check_yama(folder: str) -> Check:
    scope = _number(folder, "sys/kernel/yama/ptrace_scope")
    if scope is None:
        return Check("ptrace", "ok", "no Yama: every process of the same user may be looked at")
    if scope == 0 or scope < 3 and _capable(folder, CAP_SYS_PTRACE):
        return Check("ptrace", "ok", "kernel.yama.ptrace_scope = %d" % scope)
    if scope == 1:
        return Check("ptrace", "limited", "kernel.yama.ptrace_scope = 1: only own children may be looked at",
                     "sudo unleak diagnose PID, or start the program with `unleak run`")
    if scope == 2:
        return Check("ptrace", "no", "kernel.yama.ptrace_scope = 2: only root may trace", "sudo unleak diagnose PID")
    return Check("ptrace", "no", "kernel.yama.ptrace_scope = 3: tracing is switched off until the next boot",
                 "set kernel.yama.ptrace_scope to 1 in /etc/sysctl.d and reboot")


def check_perf(folder: str) -> Check:
    level = _number(folder, "sys/kernel/perf_event_paranoid")
    if level is None:
        return Check("safe points", "limited", "no perf events in this kernel: looks wait until no thread holds the GIL")
    if level <= 2 or _capable(folder, CAP_PERFMON) or _capable(folder, CAP_SYS_ADMIN):
        return Check("safe points", "ok", "kernel.perf_event_paranoid = %d" % level)
    return Check("safe points", "limited", "kernel.perf_event_paranoid = %d: looks wait until no thread holds the GIL" % level,
                 "sudo sysctl kernel.perf_event_paranoid=2, or run as root")


def check_capabilities(folder: str) -> Check:
    held = [name for name, bit in (("SYS_PTRACE", CAP_SYS_PTRACE), ("PERFMON", CAP_PERFMON), ("SYS_ADMIN", CAP_SYS_ADMIN))
            if _capable(folder, bit)]
    if "SYS_PTRACE" in held:
        return Check("capabilities", "ok", ", ".join(held))
    return Check("capabilities", "limited", "no SYS_PTRACE: only processes of the same user may be looked at",
                 "sudo unleak diagnose PID, or in a container: --cap-add SYS_PTRACE")


def check_seccomp(folder: str) -> Check:
    mode = _status(folder, "Seccomp")
    if mode in (None, "0"):
        return Check("seccomp", "ok", "not filtered")
    return Check("seccomp", "limited", "this process runs under a filter that may forbid ptrace",
                 "in a container: --cap-add SYS_PTRACE, or run unleak outside of it")


def check_memory(folder: str) -> Check:
    try:
        with open(os.path.join(folder, "meminfo")) as file:
            values = dict(line.split(":", 1) for line in file if ":" in line)
        available = int(values["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return Check("memory", "limited", "how much is available is not known")
    state = "ok" if available >= 64 << 20 else "limited"
    return Check("memory", state, "%s available" % text.size(available),
                 "" if state == "ok" else "a look at a big process may be refused (--max-extra)")


def check_python(_proc: str) -> Check:
    return Check("this Python", "ok", "%s %s (%s)" % (platform.python_implementation(), platform.python_version(), sys.executable))


MACHINE: List[Callable[[str], Check]] = [check_machine, check_python, check_core, check_yama, check_capabilities, check_perf, check_seccomp,
                                         check_memory]


def inspect(pid: int) -> Dict[str, Any]:
    """What the helper knows of a process without touching it, or {"error": ...}."""
    with Interrupts() as interrupts, Helper(engine.capture_program(), interrupts) as helper:
        try:
            return helper.call({"cmd": "inspect", "pid": pid})[0]
        except Refused as problem:
            return {"error": {"code": problem.code, "message": problem.message, "hint": problem.hint}}


def judge_target(pid: int, target: Dict[str, Any]) -> Check:
    name = "pid %d" % pid
    problem = target.get("error") or target.get("why_not")
    if problem:
        return Check(name, "no", str(problem.get("message")), str(problem.get("hint") or ""))
    found = "%s, CPython %s" % (proc.name(pid), target.get("python"))
    if target.get("estimated_pause_ms") is not None:
        found += ", about %.1f ms of pause a look" % target["estimated_pause_ms"]
    return Check(name, "ok", found)


def _number(folder: str, name: str) -> Optional[int]:
    try:
        with open(os.path.join(folder, name)) as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def _status(folder: str, field: str) -> Optional[str]:
    try:
        with open(os.path.join(folder, "self", "status")) as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line).get(field)
    except OSError:
        return None


def _capable(folder: str, bit: int) -> bool:
    mask = _status(folder, "CapEff")
    return mask is not None and bool(int(mask, 16) >> bit & 1)
