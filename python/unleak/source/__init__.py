"""Answers what only the source can tell: which line stores into a container, what bounds it, where entries leave it,
which line makes an edge of a cycle, and what is read in one go. Contract: docs/questions.md."""

from .answers import answer
from .files import names_in
from .program import Limits

__all__ = ["Limits", "answer", "names_in"]
