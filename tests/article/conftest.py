"""`--all-interpreters`: every program of the article on every interpreter, not only on one."""
import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-interpreters", action="store_true",
                     help="run the programs of the article on every interpreter found, not on one only")
