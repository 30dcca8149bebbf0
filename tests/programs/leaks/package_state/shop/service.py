"""Takes orders."""

from . import audit


def order(number):
    audit.note("order", number)
