"""Fixtures that all tests share, and the closing summary of what was there to test on."""

import collections
import os
import shutil
from pathlib import Path
from typing import Callable, List, Set

import pytest

import interpreters
from interpreters import Interpreter

REPOSITORY = Path(__file__).resolve().parent.parent

_tests_of: "collections.Counter[str]" = collections.Counter()
_missing_tools: Set[str] = set()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The top of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session", params=interpreters.interpreters(), ids=lambda found: found.tag)
def interpreter(request: pytest.FixtureRequest) -> Interpreter:
    """Every interpreter found, one test each."""
    return request.param


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """tool("gdb") is the path of a program that a test cannot do without; the summary names those that are missing."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            _missing_tools.add(name)
            pytest.skip("tool missing: " + name)
        return path

    return find


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """golden(name, text) compares text with tests/golden/NAME; `./dev golden` writes that file instead."""

    def compare(name: str, text: str) -> None:
        file = REPOSITORY / "tests" / "golden" / name
        if _updating_golden():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert file.is_file(), "%s is missing: ./dev golden writes it" % file.relative_to(REPOSITORY)
        assert text == file.read_text(encoding="utf-8")

    return compare


def _updating_golden() -> bool:
    return bool(os.environ.get("UNLEAK_UPDATE_GOLDEN"))


def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    """`./dev golden` runs only the tests that compare with a golden file."""
    if _updating_golden():
        items[:] = [item for item in items if "golden" in getattr(item, "fixturenames", ())]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    report = (yield).get_result()
    if report.when == "call" and report.passed and hasattr(item, "callspec"):
        _tests_of.update(_tag_of(value) for value in item.callspec.params.values())


def _tag_of(parameter: object) -> str:
    """The interpreter that a test's parameter stands for, "" where it is none."""
    tag = getattr(parameter, "tag", parameter)
    return tag if isinstance(tag, str) and tag in interpreters.WANTED else ""


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter) -> None:
    """Names each interpreter with the tests that passed on it, and all that was missing."""
    write = terminalreporter.write_line
    terminalreporter.section("tested on")
    for found in interpreters.interpreters():
        write(
            "%-6s %-9s %5d passed   %s"
            % (found.tag, interpreters.full_version(found.tag), _tests_of[found.tag], found.exe)
        )
    for tag in interpreters.missing():
        write("%-6s missing: ./dev pythons --fetch tries to provide it" % tag)
    for name in sorted(_missing_tools):
        write("%-6s missing tool: tests that need it were skipped" % name)
    if os.environ.get("UNLEAK_TEST_PYTHONS"):
        write("narrowed by UNLEAK_TEST_PYTHONS=" + os.environ["UNLEAK_TEST_PYTHONS"])
