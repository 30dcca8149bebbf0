"""How many findings `unleak check` prints by default, and how fast it is, on the standard library and 20 packages.

./dev bench check_bench            # fetches the packages once, into ~/.cache/unleak/check_bench
Exit status 1 where there is more than one default finding per 5,000 lines, or a million lines take longer than 20 s of
time on two processors. On a machine that others use too the time by the clock says little: the processor time, which
is printed as well, divided by two processors, is what is held to the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import sysconfig
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Sequence

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("UNLEAK_BENCH_CACHE") or Path.home() / ".cache" / "unleak" / "check_bench")
PACKAGES = (
    "aiohttp==3.14.5 botocore==1.44.5 celery==5.7.0 django==6.1.3 fastapi==0.165.0 httpx==0.28.1 jinja2==3.1.6 networkx==3.7"
    " pydantic==2.14.3 pymongo==4.20.0 pytest==9.2.0 redis==8.1.0 requests==2.34.2 rich==15.0.0 scrapy==2.19.0"
    " sqlalchemy==2.1.9 tornado==6.6.1 twisted==26.10.0 urllib3==2.8.0 werkzeug==3.1.9"
).split()
LINES_A_FINDING = 5000
SECONDS_A_MILLION = 20.0
PROCESSORS = 2


def fetch() -> Path:
    """The packages' files, one folder each."""
    wheels, sources = CACHE / "wheels", CACHE / "src"
    missing = [p for p in PACKAGES if not (sources / p.partition("==")[0]).is_dir()]
    if missing:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--python-version=3.13",
        ]
        subprocess.run([*command, "--dest", str(wheels), *missing], check=True)
        for wheel in wheels.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(sources / wheel.name.partition("-")[0].lower())
    return sources


def check(paths: Sequence[str], rules: str) -> Dict[str, Any]:
    """The document of one run, with its times."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    command = [
        sys.executable,
        "-P",
        "-m",
        "unleak",
        "check",
        "--json",
        "--select",
        rules,
        "--jobs",
        str(PROCESSORS),
        *paths,
    ]
    if sys.version_info < (3, 11):
        command.remove("-P")
    used = _processor_time()
    began = time.monotonic()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=str(CACHE))
    document = json.loads(done.stdout)
    return {**document, "clock": time.monotonic() - began, "processor": _processor_time() - used}


def _processor_time() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def show(name: str, document: Dict[str, Any]) -> None:
    lines, findings = document["lines"], document["findings"]
    per = "%.0f lines a finding" % (lines / len(findings)) if findings else "no finding"
    print("%-28s %9s lines  %4d findings  %-24s %6.1f s by the clock, %6.1f s of processors, %5.1f s a million lines on %d" % (
        name, format(lines, ","), len(findings), per, document["clock"], document["processor"], seconds(document), PROCESSORS))  # fmt: skip


def seconds(document: Dict[str, Any]) -> float:
    """For a million lines, were both processors free."""
    return document["processor"] / PROCESSORS / max(document["lines"], 1) * 1e6


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print each default finding")
    options = parser.parse_args(arguments)
    library = sysconfig.get_path("stdlib")
    paths = [library, str(fetch())]
    together = check(paths, "default")
    show("default rules", together)
    everything = check(paths, "all")
    show("all rules", everything)
    for rule, number in sorted(Counter(f["rule"] for f in everything["findings"]).items()):
        print("  %-30s %6d  one in %s lines" % (rule, number, format(everything["lines"] // number, ",")))
    for finding in together["findings"] if options.list else ():
        print("%(path)s:%(line)d %(rule)s: %(code)s" % finding)
    dense = len(together["findings"]) * LINES_A_FINDING > together["lines"]
    slow = max(seconds(together), seconds(everything)) > SECONDS_A_MILLION
    if dense or slow:
        print("check_bench: %s" % ("too many default findings" if dense else "too slow"))
    return 1 if dense or slow else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
